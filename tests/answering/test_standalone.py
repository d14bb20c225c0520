"""Follow-ups made to stand alone: what they may mean, and which meaning is taken."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from server.answering.evidence import find_evidence
from server.answering.standalone import Lean, corrected, fit, lean, new_words, readings, several
from server.store import Store
from tests.speaking import SITE, Talk


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do I restore it?", Lean.YES),
        ("Why?", Lean.YES),
        ("For how long?", Lean.YES),
        ("Can I undo that?", Lean.YES),
        ("And who can read them?", Lean.YES),
        ("Can I use a different one?", Lean.YES),
        ("What about Windows?", Lean.MAYBE),
        ("With Docker?", Lean.MAYBE),
        ("How many do I need?", Lean.MAYBE),
        ("And how do I pay?", Lean.NO),
        ("How do I stop the server when it hangs?", Lean.MAYBE),
        ("I bought it yesterday, how do I return my order?", Lean.MAYBE),
        ("My order has not arrived", Lean.NO),
        ("Is it possible to pay by card?", Lean.NO),
        ("How long does it take to install the server?", Lean.NO),
        ("What is this site about?", Lean.NO),
        ("Is it true that returns are free?", Lean.NO),
        ("Which files that I added are read?", Lean.NO),
    ],
)
def test_a_question_leans_by_its_words(question: str, expected: Lean) -> None:
    assert lean(question) is expected


@pytest.mark.parametrize(
    ("before", "question", "meant"),
    [
        ("How do I make a backup?", "How do I restore it?", "How do I restore the backup?"),
        (
            "What does the widget store?",
            "Can I change its look?",
            "Can I change the widget’s look?",
        ),
        ("Which model answers?", "Can I use a different one?", "Can I use a different model?"),
        ("How do I run it with Docker?", "And with systemd?", "How do I run it with systemd?"),
        ("How do I start Parlance?", "And stopping?", "How do I stopping Parlance?"),
        ("How are replies learnt?", "How many do I need?", "How many replies do I need?"),
        ("How long are conversations kept?", "Why?", "Why conversations?"),
    ],
)
def test_what_a_follow_up_means_is_among_its_readings(
    before: str, question: str, meant: str
) -> None:
    found = readings(question, before)
    assert meant in found and found[-1] == f"{before} {question}"
    assert len(found) <= 6


def test_what_was_cited_is_a_topic_too() -> None:
    found = readings("Does it expire?", "can you get me back in?", "How do I reset a password?")
    assert "Does the password expire?" in found


def test_a_correction_that_names_no_error_is_tried_in_each_place() -> None:
    found = corrected("How do I start Parlance?", "", "stop")
    assert found == ["How do I stop Parlance?", "How do I start stop?"]
    assert corrected("Which?", "", "the colour") == ["the colour"]


def test_in_how_long_there_is_no_topic() -> None:
    assert new_words("For how long?") == [] and new_words("How many pages?") == ["page"]


def test_a_long_hostile_question_is_read_in_no_time() -> None:
    began = time.perf_counter()
    for question in ("it " * 600, "not " * 500, "is it " * 300, "and " * 500, "how many " * 220):
        readings(question, "word " * 400, "heading " * 50)
        lean(question)
    assert time.perf_counter() - began < 2


@pytest.fixture
def talk(sqlite_store: Store) -> Iterator[Talk]:
    opened = Talk(sqlite_store)
    opened.learn(f"{SITE}/gifts", "Gift cards", ["Gift cards are valid for two years."])
    yield opened
    opened.chat.close()


def _taken(talk: Talk, question: str, before: str) -> str:
    found = [
        find_evidence(talk.retriever, talk.assistant.id, reading)
        for reading in readings(question, before)
    ]
    best = max(found, key=lambda e: fit(e, new_words(question)))
    return best.sentences[0].passage.title


def test_a_change_of_subject_does_not_drag_the_old_one_along(talk: Talk) -> None:
    assert _taken(talk, "What about gift cards?", "What does shipping to Norway cost?") == (
        "Gift cards"
    )


def test_a_pronoun_is_taken_for_what_was_asked_about(talk: Talk) -> None:
    before = "What does shipping parcels to Norway cost?"
    assert _taken(talk, "How many days do they take?", before) == "Shipping"


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("How do I return an order? What does shipping to Norway cost?", 2),
        ("How do I return an order?", 0),
        ("My order is broken. How do I return an order?", 0),
        ("Why? How do I return an order?", 0),
        ("", 0),
    ],
)
def test_several_questions_are_told_from_one_in_several_sentences(
    question: str, parts: int
) -> None:
    assert len(several(question)) == parts
