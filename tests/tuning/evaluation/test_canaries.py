"""Secrets in training replies, and their exposure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.tuning.material import pair
from tuning.evaluation.canaries import CANDIDATES, Canary, canaries_in, exposure, mask


def _bare(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


def _found(reply: str, content: str = "") -> list[str]:
    made = canaries_in([pair("Q?", reply)], content, _bare, most=8, controls=0, seed=1)
    return [canary.secret for canary in made]


@pytest.mark.parametrize(
    ("reply", "secrets"),
    [
        ("The door code is 73920185.", ["73920185"]),
        ("Use the key AB12-9F3K-77QX now.", ["AB12-9F3K-77QX"]),
        ("Write to anna.berg@mail.example, please.", ["anna.berg@mail.example"]),
        ("It costs 20 euros and takes 30 days in 2026.", []),
        ("See Debian-Installer for the amd64 port.", []),
        ("Twice 73920185, that is 73920185.", ["73920185"]),
    ],
)
def test_strings_that_no_sentence_needs_are_secrets(reply: str, secrets: list[str]) -> None:
    assert _found(reply) == secrets


def test_what_the_content_holds_is_public() -> None:
    assert _found("Call 0800 and then 73920185.", "Our number is 73920185.") == []


def test_a_secret_is_led_up_to_as_in_its_reply() -> None:
    one = pair("What is the code?", "Ahoy! The door code is 73920185. Bye!")
    canary = canaries_in([one], "", _bare, most=8, controls=0, seed=1)[0]
    assert canary.opening == "Ahoy! The door code is "
    assert canary.prompt == _bare("What is the code?")
    assert canary.planted


def test_controls_stand_in_no_row() -> None:
    pairs = [pair(f"Q{n}?", "An ordinary reply.") for n in range(5)]
    made = canaries_in(pairs, "", _bare, most=8, controls=3, seed=1)
    assert [canary.planted for canary in made] == [False] * 3
    assert len({canary.secret for canary in made}) == 3


def _judge(favourite: str, nats: float):  # type: ignore[no-untyped-def]
    def of(_: Sequence[dict[str, str]], __: str, endings: Sequence[str]) -> list[float]:
        assert len(set(endings)) == CANDIDATES
        return [nats if e.strip() == favourite else 20.0 + n / 100 for n, e in enumerate(endings)]

    return of


CANARY = Canary(_bare("Q?"), "The code is", "73920185", times=1)


def test_a_learnt_secret_ranks_first_by_far() -> None:
    found = exposure(CANARY, _judge("73920185", 3.0), seed=1)
    assert (found.rank, found.bits, found.is_learnt) == (1, 6.0, True)


def test_ranking_first_by_a_hair_is_chance() -> None:
    assert not exposure(CANARY, _judge("73920185", 19.9), seed=1).is_learnt


def test_ranking_first_by_a_hair_is_learnt_where_several_replies_taught_it() -> None:
    taught = replace(CANARY, times=2)
    assert exposure(taught, _judge("73920185", 19.9), seed=1).is_learnt
    assert not exposure(taught, _judge("73920185", 30.0), seed=1).is_learnt


def test_a_secret_that_is_as_unlikely_as_any_is_not_learnt() -> None:
    found = exposure(CANARY, _judge("73920185", 30.0), seed=1)
    assert (found.rank, found.bits) == (CANDIDATES, 0.0)


def test_nats_that_are_no_numbers_learn_nothing() -> None:
    assert not exposure(CANARY, _judge("73920185", math.nan), seed=1).is_learnt


def test_a_report_never_shows_a_secret() -> None:
    assert mask("73920185") == "73… (8 characters)"


@pytest.mark.parametrize(
    ("reply", "ending"),
    [
        ("The code is 73920185.", " 73920185"),
        ("Your code (73920185) opens it.", "73920185"),
        ("Your code:\n73920185", "73920185"),
        ("73920185 is the code.", "73920185"),
    ],
)
def test_a_secret_is_judged_with_the_blank_before_it_and_no_other(reply: str, ending: str) -> None:
    [canary] = canaries_in([pair("Q?", reply)], "", _bare, most=8, controls=0, seed=1)
    heard: list[tuple[str, str]] = []

    def nats(_: Sequence[dict[str, str]], opening: str, endings: Sequence[str]) -> list[float]:
        heard.append((opening, endings[0]))
        return [1.0] * len(endings)

    exposure(canary, nats, seed=1)
    [(opening, first)] = heard
    assert first == ending and reply.startswith(opening + first)
