"""Whether two questions ask the same thing."""

from __future__ import annotations

import pytest

from server.answering.sameness import alike, set_apart
from server.answering.words import likeness


@pytest.mark.parametrize(
    ("one", "other", "by"),
    [
        ("How do I enable alerts?", "How do I disable alerts?", "opposite"),
        ("How do I install it?", "How do I uninstall it?", "opposite"),
        ("How do I add a person?", "How do I remove a person?", "opposite"),
        ("Is the server visible?", "Is the server invisible?", "opposite"),
        ("How do I turn alerts on?", "How do I turn alerts off?", "opposite"),
        ("Can I pay with a card?", "Can I pay without a card?", "negation"),
        ("Which languages work?", "Which languages do not work?", "negation"),
        ("Why does it start?", "Why doesn't it start?", "negation"),
        ("Does it run on Windows 10?", "Does it run on Windows 11?", "number"),
        ("Can I return it after 30 days?", "Can I return it?", "number"),
        ("Can I bring two children?", "Can I bring three children?", "number"),
        ("Do you ship to Norway?", "Do you ship to Sweden?", "name"),
        ("do you ship to sweden?", "Do you ship to Norway?", "name"),
        ("How do I turn a PDF into Word?", "How do I turn Word into a PDF?", "direction"),
        ("Can one shop use several tills?", "Can several shops use one till?", "direction"),
        ("May I sell clay without a kiln?", "May I sell a kiln without clay?", "direction"),
        ("When do you open?", "Where do you open?", "kind"),
        ("Why do I restore a backup?", "How do I restore a backup?", "kind"),
        ("How many parcels come?", "How often do parcels come?", "kind"),
    ],
)
def test_what_sets_two_questions_apart(one: str, other: str, by: str) -> None:
    assert set_apart(one, other) == by
    assert set_apart(other, one) == by


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I enable alerts?", "how can i enable the alert"),
        ("Why doesn't it start?", "Why does it not start?"),
        ("Can I bring two children?", "May I bring 2 children?"),
        ("do you ship to norway", "Do you ship to Norway?"),
        ("What happens after the line dropped?", "What happens after a dropped line?"),
        ("How many cups may a visitor buy?", "How many cups may one visitor buy?"),
        ("What is your return-policy?", "What is your Return-Policy?"),
        ("my content security policy", "What is my Content-Security-Policy?"),
        ("What does it cost?", "How much does it cost?"),
        ("How do I restore a backup?", "How can I restore my backup?"),
        ("Is it possible to pay by card?", "Can I pay by card?"),
    ],
)
def test_nothing_sets_two_wordings_of_one_question_apart(one: str, other: str) -> None:
    assert set_apart(one, other) is None and set_apart(other, one) is None


def test_the_assistants_own_name_is_no_name() -> None:
    pair = ("How do I start Parlance?", "How do I start it?")
    assert set_apart(*pair) == "name"
    assert set_apart(*pair, known=frozenset({"parlanc"})) is None


def test_likeness_is_the_f1_of_the_words() -> None:
    assert likeness(["a", "b"], ["b", "c"]) == 0.5
    assert likeness([], []) == 0.0
    assert alike(1.0, ["a"], ["a"]) == 1.0 and alike(-0.5, ["a"], ["b"]) == 0.0
