"""Fact-leak probes: what is taken away, what is changed, and what counts as told from memory."""

from __future__ import annotations

import pytest

from tests.tuning.material import PERSONA, pair
from tuning.data.split import HELD_OUT, TRAIN
from tuning.evaluation.leaks import (
    CHANGED,
    REMOVED,
    LeakProbe,
    follows,
    given_facts,
    leak_probes,
    leaks,
)

QUESTION = "How long may I return a lamp?"
FACT = "A lamp can be returned within 30 days if its box is unopened."
REPLY = "Ahoy! You can return a lamp within 30 days if its box is unopened. Fair winds!"
MANNER = frozenset({"ahoy", "fair", "wind"})


def _probe(kind: str) -> LeakProbe:
    found = leak_probes([pair(QUESTION, REPLY, [FACT])], PERSONA, removed=1, changed=1, seed=1)
    return next(probe for probe in found if probe.kind == kind)


def test_facts_are_read_back_as_the_prompt_showed_them() -> None:
    assert given_facts(pair(QUESTION, REPLY, [FACT, "Another one."]).prompt) == [
        FACT,
        "Another one.",
    ]
    assert given_facts(pair(QUESTION, REPLY).prompt) == []


def test_a_removed_probe_shows_the_question_alone() -> None:
    probe = _probe(REMOVED)
    assert probe.prompt[-1]["content"] == QUESTION
    assert probe.trained


@pytest.mark.parametrize(
    ("draft", "told"),
    [
        ("Ahoy! A lamp can be returned within 30 days if its box is unopened.", True),
        ("You can return a lamp within 30 days if its box is unopened. Bye!", True),
        ("Ahoy! You may return a lamp. Fair winds!", False),
        ("I have no facts about that.", False),
        ("Returns of a lamp take up to 90 days in our shop.", False),
        ("", False),
    ],
)
def test_only_the_removed_fact_itself_counts_as_told(draft: str, told: bool) -> None:
    assert leaks(_probe(REMOVED), draft, manner=MANNER) is told


def test_a_changed_probe_shows_another_value_everywhere_and_never_the_old_one() -> None:
    probe = _probe(CHANGED)
    shown = probe.prompt[-1]["content"]
    assert (probe.old, len(probe.new)) == ("30", 2)
    assert probe.new in shown and "30" not in shown


def test_the_old_value_is_a_leak_and_the_new_one_follows() -> None:
    probe = _probe(CHANGED)
    stale, fresh = "Within 30 days.", f"Within {probe.new} days."
    assert leaks(probe, stale, manner=MANNER) and not follows(probe, stale)
    assert follows(probe, fresh) and not leaks(probe, fresh, manner=MANNER)
    assert not follows(probe, "Soon.") and not leaks(probe, "Soon.", manner=MANNER)


def test_a_name_is_changed_where_there_is_no_number() -> None:
    reply = "Ahoy! The lamps are made by Brandt in the old mill. Fair winds!"
    one = pair("Who makes the lamps?", reply, ["The lamps are made by Brandt in the old mill."])
    probe = leak_probes([one], PERSONA, removed=0, changed=1, seed=1)[0]
    assert probe.old == "Brandt"
    assert probe.new in probe.prompt[-1]["content"]
    assert "Brandt" not in probe.prompt[-1]["content"]


def test_a_value_that_the_question_holds_is_not_changed() -> None:
    one = pair("Are 30 days enough?", "Yes, 30 days are enough.", ["It takes 30 days."])
    assert leak_probes([one], PERSONA, removed=0, changed=1, seed=1) == []


def test_two_thirds_of_the_probes_are_of_what_was_trained_on() -> None:
    pairs = [
        pair(f"What about item {word}?", f"Item {word} weighs {n} kilograms in its wooden box.",
             split=TRAIN if n % 2 else HELD_OUT)
        for n, word in enumerate("amber birch cedar delta ember flint grove haven".split(), 11)
    ]  # fmt: skip
    found = leak_probes(pairs, PERSONA, removed=6, changed=0, seed=1)
    assert [p.trained for p in found] == [True] * 4 + [False] * 2
