"""What a visitor wants: courtesies, wishes about the last answer, corrections, follow-ups."""

from __future__ import annotations

import time

import pytest

from server.answering.dialogue import Said, correction, understand
from server.answering.phrases import Phrase
from server.answering.wishes import Kind
from tests.talk.pairs import FRESH

BACKUP = Said(
    "How do I make a backup?",
    "Run deploy/backup.sh.",
    citations=[{"title": "How do I make a backup?"}],
    label="supported",
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("in short", Kind.SHORTER),
        ("Shorter, please!", Kind.SHORTER),
        ("Can you summarise that?", Kind.SHORTER),
        ("In one sentence please", Kind.SHORTER),
        ("tl;dr", Kind.SHORTER),
        ("tell me more", Kind.MORE),
        ("More details?", Kind.MORE),
        ("What else?", Kind.MORE),
        ("ok, go on", Kind.MORE),
        ("say it again", Kind.AGAIN),
        ("Where does it say that?", Kind.AGAIN),
        ("Are you sure?", Kind.AGAIN),
        ("as a list", Kind.LIST),
        ("in bullet points please", Kind.LIST),
        ("in simple words", Kind.SIMPLER),
        ("I don’t understand", Kind.SIMPLER),
        ("summarise the section on backups", Kind.FOLLOW_UP),
        ("In short, how do I make a backup?", Kind.QUESTION),
        ("What else does the widget store?", Kind.FOLLOW_UP),
    ],
)
def test_a_wish_about_the_last_answer_is_no_question(text: str, kind: Kind) -> None:
    asked = understand(text, [BACKUP])
    if text.startswith("What else does"):
        assert asked.kind not in (Kind.MORE, Kind.AGAIN)
    else:
        assert asked.kind is kind


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Are you a bot?", Phrase.WHO),
        ("are you human or a machine?", Phrase.WHO),
        ("Who are you?", Phrase.WHO),
        ("What can you do?", Phrase.CAN_DO),
        ("help", Phrase.CAN_DO),
        ("Can I talk to a person?", Phrase.NO_PERSON),
        ("I want to speak with someone", Phrase.NO_PERSON),
        ("Put me through to a real human, please", Phrase.NO_PERSON),
    ],
)
def test_a_question_about_the_assistant_itself_is_known(text: str, phrase: Phrase) -> None:
    asked = understand(text, [])
    assert (asked.kind, asked.phrase) == (Kind.META, phrase)


@pytest.mark.parametrize(
    "text",
    [
        "Can a person take over the chat?",
        "Who are your customers?",
        "Can you help me with returns?",
    ],
)
def test_a_question_that_only_looks_like_one_is_searched(text: str) -> None:
    assert understand(text, []).kind is Kind.QUESTION


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no, I meant testing", ("", "testing")),
        ("not stable, unstable", ("stable", "unstable")),
        ("not cookies but third parties", ("cookies", "third parties")),
        ("Sorry, I meant restoring", ("", "restoring")),
        ("I mean systemd, not Docker.", ("Docker", "systemd")),
        ("systemd, not Docker", ("Docker", "systemd")),
        ("Docker instead of systemd", ("systemd", "Docker")),
        ("no, Docker", ("", "Docker")),
        ("How do I do it?", None),
        ("What if the assistant does not know something?", None),
        ("Is it private, not public?", None),
        ("No, it is wrong", None),
        ("Not at all", None),
        ("no", None),
    ],
)
def test_a_correction_says_what_is_meant_and_perhaps_what_was_wrong(
    text: str, expected: tuple[str, str] | None
) -> None:
    assert correction(text) == expected


def test_the_corrected_term_takes_the_place_of_the_wrong_one() -> None:
    before = Said("How do I move to the stable release?", "Like so.")
    asked = understand("not stable, unstable", [before])
    assert asked.readings == ("How do I move to the unstable release?",)


def test_a_correction_that_is_a_whole_question_stands_alone() -> None:
    asked = understand("Sorry, I meant how do I restore a backup?", [BACKUP])
    assert asked.readings == ("how do I restore a backup",)


def test_without_anything_before_a_correction_is_a_question() -> None:
    assert understand("no, I meant testing", []).kind is Kind.QUESTION


def test_a_follow_up_leans_on_the_last_question_and_not_on_thanks() -> None:
    thanks = Said("thanks", "You are welcome.", kind=Kind.COURTESY)
    asked = understand("And how do I restore it?", [BACKUP, thanks])
    assert asked.kind is Kind.FOLLOW_UP and asked.last == BACKUP
    assert "And how do I restore the backup?" in asked.readings


def test_a_chain_of_follow_ups_leans_on_what_the_last_one_meant() -> None:
    second = Said("And how do I restore it?", "Unpack it.", asked="How do I restore the backup?")
    readings = understand("Why does it fail?", [BACKUP, second]).readings
    assert "Why does the backup fail?" in readings


@pytest.mark.parametrize("question", FRESH)
def test_a_fresh_question_is_searched_as_it_is_first_of_all(question: str) -> None:
    assert understand(question, []).readings == (question,)
    assert understand(question, [BACKUP]).readings[0] == question


def test_the_question_beside_a_courtesy_is_the_one_that_is_asked() -> None:
    assert understand("Hi, how do I pay?", []).readings == ("how do I pay?",)
    assert understand("thanks! and how do I pay?", [BACKUP]).readings == ("how do I pay?",)


def test_the_language_stays_where_a_turn_is_too_short_to_tell() -> None:
    german = Said("Wie kann ich das machen?", "So.", language="de")
    assert understand("Docker?", [german]).language == "de"
    assert understand("How do I do it with Docker?", [german]).language == "en"
    assert understand("Merci beaucoup", [german]).language == "fr"
    assert understand("Docker?", []).language is None


@pytest.mark.parametrize(
    "text", ["", "   ", "?", "it", "and", "no", "not", "not,", "the", "—", "ok " * 300]
)
def test_odd_texts_are_understood_as_something(text: str) -> None:
    for history in ([], [BACKUP]):
        asked = understand(text, history)
        assert asked.phrase or asked.readings or asked.kind in (Kind.AGAIN, Kind.MORE)


def test_a_long_hostile_message_is_understood_in_no_time() -> None:
    history = [Said("How do I " + "word " * 380, "x", citations=[{"title": "head " * 80}])]
    pieces = ("hi, ", "no, ", "not a, ", "thanks! ", "can you ", "is it be ", "a real ", "?", " ")
    began = time.perf_counter()
    for piece in pieces:
        understand(piece * (2000 // len(piece)) + "x", history)
        understand(piece * (2000 // len(piece)), history)
    assert time.perf_counter() - began < 2
