"""The facts that a training row shows."""

from __future__ import annotations

from tuning.data.context import FACTS, best_sentences, carried_share, found_facts

_CONTENT = {
    "opening": [f"Opening hours differ on holiday number {n}." for n in range(FACTS)],
    "parking": ["Parking behind the shop is free for customers."],
}


def _find(text: str) -> list[str]:
    return _CONTENT["parking" if "arking" in text else "opening"]


def test_a_statement_that_the_evidence_does_not_carry_brings_its_own_fact() -> None:
    facts = found_facts("When?", "Hi! Parking behind the shop is free for customers.", _find)
    assert _CONTENT["parking"][0] in facts
    assert len(facts) == FACTS
    assert [f for f in facts if f in _CONTENT["opening"]] == _CONTENT["opening"][: FACTS - 1]


def test_a_statement_that_the_content_does_not_hold_brings_nothing() -> None:
    facts = found_facts("When?", "Zebras gallop across endless savannahs.", _find)
    assert facts == _CONTENT["opening"]


def test_no_evidence_stays_no_evidence() -> None:
    assert found_facts("When?", "Parking is free.", lambda _text: []) == []


def test_of_a_long_context_the_answers_sentences_are_kept() -> None:
    filler = " ".join(f"Filler sentence {n} talks of weather." for n in range(20))
    context = f"{filler} Returns are free for 30 days."
    chosen = best_sentences(context, "Can I return it?", "Returns are free for 30 days!")
    assert chosen[0] == "Returns are free for 30 days."
    assert len(chosen) == FACTS


def test_manner_needs_no_facts() -> None:
    share = carried_share("Ahoy! Returns are free.", ["Returns are free."], frozenset({"ahoy"}))
    assert share == 1
