"""Personal data: what is found, measured on sentences written by hand, and what becomes of it."""

from __future__ import annotations

from collections import Counter

import pytest

from server.store import Store
from server.store.assistants import Assistant
from tests.tuning.learning import FACTS, approve, built, correct, turn_of
from tests.tuning.measure import personal
from tests.tuning.personal_cases import CLEAN, UNSEEN
from tuning.data.redact import Public, mask
from tuning.data.render import PERSONAL


@pytest.fixture
def assistant(sqlite_store: Store) -> Assistant:
    return sqlite_store.assistants.create("Shop")


def test_finds_are_right_and_few_are_missed() -> None:
    found = personal()
    assert found.precision >= 0.95, found.wrong
    assert found.recall >= 0.9, found.wrong


def test_sentences_that_no_rule_was_mended_on_are_read_nearly_as_well() -> None:
    found = personal(UNSEEN)
    assert found.precision >= 0.85, found.wrong
    assert found.recall >= 0.7, found.wrong


@pytest.mark.parametrize("sentence", CLEAN)
def test_a_clean_sentence_stays_as_it_is(sentence: str) -> None:
    assert mask([sentence], Public(())).texts == [sentence]


def test_a_value_that_stands_in_the_facts_is_public() -> None:
    facts = ["Call us on +49 30 901820 or write to help@shop.example, Hauptstraße 12."]
    said = "Reach us at +49-30-901820, help@shop.example, Hauptstraße 12; I am on 030 5550143."
    masked = mask([said], Public(facts))
    assert masked.texts == [
        "Reach us at +49-30-901820, help@shop.example, Hauptstraße 12; I am on [phone]."
    ]
    assert masked.counts == Counter(phone=1)


def test_a_name_stated_once_is_gone_wherever_it_is_said() -> None:
    texts = ["My name is Ada Lovelace. Is it open?", "Hello Ada, it is.", "Thanks, Ada Lovelace"]
    masked = mask(texts, Public(()))
    assert masked.texts == ["My name is [name]. Is it open?", "Hello [name], it is.",
                            "Thanks, [name]"]  # fmt: skip


def test_personal_data_leaves_the_prompt_and_is_counted(
    sqlite_store: Store, assistant: Assistant
) -> None:
    question = "When are you open? Write to jane@mail.example or call 555-867-5309."
    review = approve(sqlite_store, turn_of(sqlite_store, assistant, question))
    report = built(sqlite_store, assistant)
    [pair] = report.pairs
    assert pair.question == "When are you open? Write to [email] or call [phone]."
    assert pair.question in pair.prompt[-1]["content"]
    assert "jane" not in str(pair) and "5309" not in str(pair)
    assert pair.masked == {"email": 1, "phone": 1}
    [told] = report.masked
    assert (told.origin_id, told.kept) == (review.id, True)
    assert "jane" not in str(told)


def test_a_reply_that_turns_on_personal_data_is_left_out(
    sqlite_store: Store, assistant: Assistant
) -> None:
    turn = turn_of(sqlite_store, assistant, "When are you open? I am jane@mail.example.")
    correct(sqlite_store, turn, f"{FACTS[0]} We have told jane@mail.example so.")
    report = built(sqlite_store, assistant)
    assert report.pairs == []
    assert report.dropped == {PERSONAL: 1}
    assert [(one.kinds, one.kept) for one in report.masked] == [({"email": 1}, False)]


def test_a_greeting_stands_without_the_name(sqlite_store: Store, assistant: Assistant) -> None:
    turn = turn_of(sqlite_store, assistant, "My name is Ada. When are you open?")
    correct(sqlite_store, turn, f"Hello Ada! {FACTS[0]}")
    [pair] = built(sqlite_store, assistant).pairs
    assert pair.completion == f"Hello! {FACTS[0]}"
    assert pair.masked == {"name": 1}
