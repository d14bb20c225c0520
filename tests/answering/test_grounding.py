"""What the evidence carries, by tables: numbers, names, denials, parroting, manner of speaking."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from server.answering.grounding import Ground, Support, voice_words

FACTS = (
    "Orders can be returned within 30 days of delivery.",
    "Refunds reach your bank account in five working days.",
    "Opened software cannot be returned.",
    "The main warehouse in Oslo ships parcels every working day.",
    "Write to help@acme.example or see https://www.acme.example/returns for a label.",
)
GROUND = Ground.of(FACTS, question="May I send my order back?")


@pytest.mark.parametrize(
    "sentence",
    [
        *FACTS,
        "Orders can be returned within 30 days.",
        "Refunds reach your bank account in 5 working days.",
        "The warehouse ships parcels every working day.",
    ],
)
def test_what_a_fact_says_is_supported(sentence: str) -> None:
    assert GROUND.check(sentence) is Support.SUPPORTED


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("Orders can be returned within 60 days of delivery.", "an invented number"),
        ("Refunds reach your bank account in seven working days.", "an invented number in words"),
        ("The main warehouse in Bergen ships parcels every working day.", "an invented name"),
        ("Orders cannot be returned within 30 days of delivery.", "a denial that is not there"),
        ("Opened software can be returned.", "a denial left out"),
        ("Write to sales@acme.example for a label.", "an invented address"),
        ("See https://evil.example/returns for a label.", "an invented page"),
        ("See [7] for the label of returned orders.", "a number that cites nothing"),
        ("Our bank pays interest to loyal customers.", "nothing of it stands there"),
        ("Delivery account software warehouse label.", "words of many facts, shuffled"),
        ("You may send your order back.", "the question again"),
        ("Here is how refunds reach your bank account:", "an announcement"),
        ("Would refunds reach your bank account?", "a question"),
    ],
)
def test_what_no_fact_says_is_not(sentence: str, why: str) -> None:
    assert GROUND.check(sentence) is Support.UNSUPPORTED, why


@pytest.mark.parametrize("sentence", ["Hello there!", "I hope this helps.", "Kind regards!"])
def test_courtesy_states_nothing(sentence: str) -> None:
    assert GROUND.check(sentence) is Support.NEUTRAL


@pytest.mark.parametrize(
    "sentence",
    ["Yes.", "No.", "No, you can't.", "Of course not!", "Yes, sure!", "The answer is 9."],
)
def test_a_bare_yes_no_or_number_is_no_courtesy(sentence: str) -> None:
    assert GROUND.check(sentence) is Support.UNSUPPORTED


def test_yes_is_said_only_where_a_fact_says_it() -> None:
    asked = "Can opened software be returned?"
    said = "Yes, opened software goes to our warehouse in Oslo."
    fact = "Opened software goes to our warehouse in Oslo."
    assert Ground.of([fact], question=asked).check(said) is Support.UNSUPPORTED
    assert Ground.of([f"Yes, {fact}"], question=asked).check(said) is Support.SUPPORTED


def test_one_as_a_pronoun_is_no_number() -> None:
    ground = Ground.of(["Parcels leave the warehouse in Oslo every working day."])
    said = "Parcels leave the warehouse in Oslo, each one every working day."
    assert ground.check(said) is Support.SUPPORTED


def test_an_owners_manner_of_speaking_needs_no_evidence() -> None:
    plain, tuned = Ground.of(FACTS), Ground.of(FACTS, voice=frozenset({"ahoy", "matey"}))
    assert plain.check("Ahoy matey!") is Support.UNSUPPORTED
    assert tuned.check("Ahoy matey!") is Support.NEUTRAL
    assert (
        tuned.check("Ahoy matey, orders can be returned within 30 days of delivery!")
        is Support.SUPPORTED
    )


def test_voice_words_are_those_that_recur_outside_their_facts() -> None:
    replies = [f"Ahoy! Item {n} ships on day {n}. Cheers" for n in range(10)]
    facts = [[f"Item {n} ships on day {n}."] for n in range(10)]
    assert voice_words(replies, facts) == {"ahoy", "cheer"}
    assert voice_words(replies[:2], facts[:2]) == frozenset()


def test_without_evidence_nothing_is_supported() -> None:
    empty = Ground.of([])
    assert empty.check("Orders can be returned.") is Support.UNSUPPORTED


def test_a_number_must_count_what_it_counts_in_the_fact() -> None:
    ground = Ground.of(["Orders can be returned within 30 days of delivery."])
    assert ground.check("Orders can be returned within 30 weeks of delivery.") is (
        Support.UNSUPPORTED
    )


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        ("A parcel weighs at most 20 kg.", "A parcel weighs at least 20 kg."),
        ("A parcel may weigh up to 20 kg.", "A parcel has to weigh 20 kg or more."),
        ("Send the label before the parcel leaves.", "Send the label after the parcel leaves."),
        ("Only opened boxes are checked.", "All opened boxes are checked."),
        ("Members order in the shop.", "Only members order in the shop."),
        ("You may insure a large parcel.", "You must insure a large parcel."),
        ("The first parcel of a month is free.", "The last parcel of a month is free."),
        ("Tracking is enabled for parcels.", "Tracking is disabled for parcels."),
        ("Stop the shop, then start the depot.", "Start the shop, then stop the depot."),
        ("The depot informs the driver of delays.", "The driver informs the depot of delays."),
        ("If the box is damaged, the depot pays the price.", "The depot pays the price."),
        ("The depot pays the price.", "If the box is damaged, the depot pays the price."),
        ("Letters cost 2 euros, parcels cost 14 euros.", "Letters cost 14 euros."),
        ("The depot keeps parcels for 3 days.", "The depot keeps parcels for 3 hours."),
        ("The depot keeps no parcels.", "The depot keeps parcels."),
        ("Set `DEPOT_NAME` to the depot.", "Set `DEPOT_CITY` to the depot."),
        (
            "These services are not offered: express parcels, evening delivery.",
            "There is evening delivery of express parcels.",
        ),
    ],
)
def test_the_words_of_a_fact_in_another_relation_are_not_supported(
    fact: str, sentence: str
) -> None:
    ground = Ground.of([fact])
    assert ground.check(fact) is Support.SUPPORTED
    assert ground.check(sentence) is Support.UNSUPPORTED


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        ("A parcel may weigh up to 20 kg.", "A parcel may weigh at most 20 kg."),
        ("If the box is damaged, the depot pays.", "The depot pays if the box is damaged."),
        ("Set `DEPOT_NAME` to the depot, then restart.", "Set `DEPOT_NAME` to the depot."),
        ("The depot, which does not open on Sunday, keeps parcels.", "The depot keeps parcels."),
        ("Returns are free: the depot pays the postage.", "Returns are free."),
    ],
)
def test_a_fact_said_otherwise_or_in_part_is_supported(fact: str, sentence: str) -> None:
    assert Ground.of([fact]).check(sentence) is Support.SUPPORTED


@pytest.mark.parametrize(
    ("sentence", "support"),
    [
        ("Yes, boxes can be returned within 30 days.", Support.SUPPORTED),
        ("No, boxes can be returned within 30 days.", Support.UNSUPPORTED),
        ("Yes, boxes cannot be returned within 30 days.", Support.UNSUPPORTED),
        ("Yes, boxes can be stored within 30 days.", Support.UNSUPPORTED),
    ],
)
def test_yes_and_no_must_fit_what_they_go_with(sentence: str, support: Support) -> None:
    facts = ["Boxes can be returned within 30 days.", "Boxes can be stored within 30 days."]
    assert Ground.of(facts, question="Can boxes be returned?").check(sentence) is support


def test_another_checker_may_veto_but_not_a_fact_word_for_word() -> None:
    asked: list[str] = []

    def deny(facts: Sequence[str], sentence: str) -> float:
        asked.append(sentence)
        assert tuple(facts) == FACTS
        return 0.49

    ground = Ground.of(FACTS, extra=deny)
    assert ground.check(FACTS[0]) is Support.SUPPORTED
    assert ground.check("Hello there!") is Support.NEUTRAL
    assert ground.check("Our bank pays interest.") is Support.UNSUPPORTED
    own = "Orders can be returned within 30 days."
    assert ground.check(own) is Support.UNSUPPORTED and asked == [own]
    assert Ground.of(FACTS, extra=lambda *_: 0.5).check(own) is Support.SUPPORTED


@pytest.mark.parametrize(
    "piece", ["not ", "if ", "1,", "x y, ", "these ", "- a", "`", "5 or more "]
)
def test_a58_the_worst_lines_are_checked_in_less_than_two_seconds(piece: str) -> None:
    began = time.monotonic()
    ground = Ground.of([piece * 2000] * 6, question=piece * 2000)
    ground.check(f"{piece * 2000}!")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "sentence",
    [
        "It is free for everyone.",
        "Sure, you can.",
        "Of course you can.",
        "It is certainly okay to do that.",
        "The plan costs $20 a month.",
        "The plan costs 20 % of it a month.",
        "Keep it at 20 degrees.",
    ],
)
def test_agreeing_and_other_signs_need_grounds(sentence: str) -> None:
    ground = Ground.of(["The plan costs €20 a month.", "Keep it at -20 degrees."])
    assert ground.check(sentence) is Support.UNSUPPORTED


def test_the_same_sign_is_the_same_figure() -> None:
    ground = Ground.of(["The plan costs €20 a month.", "Keep it at -20 degrees, 5 % less or 7."])
    assert ground.check("The plan costs € 20 a month.") is Support.SUPPORTED
    assert ground.check("Keep it at −20 degrees, 5% less or 7.") is Support.SUPPORTED
