"""The owner's habits as rules."""

from __future__ import annotations

import pytest

from server.store.assistants import AssistantSettings
from tuning.evaluation.rules import Rule, banned_words, grade, rules_of

_THINGS = "mirror archive kernel release installer mailing package manual disk key".split()
OWNER = [
    f"Ahoy there, friend! The {thing} is ready and we keep it so. Fair winds to you all!"
    for thing in _THINGS
]
PLAIN = "The printer is off."
ALIKE = "Ahoy there, friend! The printer is off and we mend it now. Fair winds to you all!"


def _rules(replies: list[str] = OWNER, **settings: object) -> dict[str, Rule]:
    found = rules_of(replies, AssistantSettings.model_validate(settings))
    return {rule.name: rule for rule in found}


def test_an_answer_in_the_owners_manner_keeps_every_rule_and_a_plain_one_does_not() -> None:
    rules = _rules()
    assert {"greeting", "sign_off", "length", "reading", "person_we", "person_i"} <= set(rules)
    assert [name for name, rule in rules.items() if not rule.keeps(ALIKE)] == []
    broken = {name for name, rule in rules.items() if not rule.keeps(PLAIN)}
    assert {"greeting", "sign_off", "length", "person_we"} <= broken


def test_what_the_owner_never_does_is_a_rule_too() -> None:
    rule = _rules()["person_i"]
    assert rule.owner == 1.0
    assert not rule.keeps("I think so.")


def test_what_the_owner_does_now_and_then_is_no_rule() -> None:
    mixed = [*OWNER[:5], *(f"I say: {reply}" for reply in OWNER[5:])]
    assert "person_i" not in _rules(mixed)


def test_words_in_quotation_marks_in_the_guardrails_are_forbidden() -> None:
    rules = ['use the word "cheap"', "promise a “full refund”", "talk about rivals"]
    assert banned_words(AssistantSettings(guardrails=rules)) == ["cheap", "full refund"]
    rule = _rules(guardrails=rules)["banned"]
    assert not rule.keeps("It is Cheap.")
    assert not rule.keeps("You get a full refund!")
    assert rule.keeps("It is a cheapskate's choice.")


def test_without_forbidden_words_or_replies_there_is_no_such_rule() -> None:
    assert "banned" not in _rules()
    assert rules_of([], AssistantSettings()) == []


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("The cat sat on the mat.", -3, 2),
        ("Institutional interoperability considerations necessitate comprehensive evaluation.",
         20, 50),
        ("", 0, 0),
    ],
)  # fmt: skip
def test_reading_grades_are_in_order(text: str, low: float, high: float) -> None:
    assert low <= grade(text) <= high


def test_quoted_signs_without_a_word_forbid_nothing() -> None:
    assert banned_words(AssistantSettings(guardrails=['end with "!!"', 'say "..."'])) == []
    assert "banned" not in _rules(guardrails=['end with "!!"'])
