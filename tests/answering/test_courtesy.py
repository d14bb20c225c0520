"""Courtesies: alone they are answered at once, before a question they are taken off."""

from __future__ import annotations

import pytest

from server.answering.courtesy import courtesy, without_courtesy
from server.answering.phrases import Phrase


@pytest.mark.parametrize(
    ("text", "phrase", "language"),
    [
        ("Hi", Phrase.GREETING, "en"),
        ("hello there!", Phrase.GREETING, "en"),
        ("Good morning", Phrase.GREETING, "en"),
        ("Thanks a lot!", Phrase.WELCOME, "en"),
        ("ok, thank you", Phrase.WELCOME, "en"),
        ("Great, thanks so much", Phrase.WELCOME, "en"),
        ("Bye bye", Phrase.GOODBYE, "en"),
        ("No, thanks", Phrase.GOODBYE, "en"),
        ("Got it.", Phrase.ASK_ON, "en"),
        ("Danke schön!", Phrase.WELCOME, "de"),
        ("Bonjour !", Phrase.GREETING, "fr"),
        ("Muchas gracias", Phrase.WELCOME, "es"),
        ("Obrigada!", Phrase.WELCOME, "pt"),
        ("Arrivederci", Phrase.GOODBYE, "it"),
        ("Dank u wel", Phrase.WELCOME, "nl"),
        ("Dzień dobry!", Phrase.GREETING, "pl"),
        ("Hej då", Phrase.GOODBYE, "sv"),
        ("こんにちは", Phrase.GREETING, "ja"),
        ("谢谢", Phrase.WELCOME, "zh"),
        ("مرحبا", Phrase.GREETING, "ar"),
    ],
)
def test_a_mere_courtesy_is_known_with_its_language(
    text: str, phrase: Phrase, language: str
) -> None:
    assert courtesy(text) == (phrase, language)


@pytest.mark.parametrize(
    "text",
    [
        "Hi, what do returns cost?",
        "Thanks to whom?",
        "Hello world example?",
        "Is it good?",
        "fine print",
        "",
    ],
)
def test_whoever_asks_something_gets_no_courtesy(text: str) -> None:
    assert courtesy(text) is None


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Hi, how do I pay?", "how do I pay?"),
        ("Hi how do I pay?", "how do I pay?"),
        ("Hello Parlance, how do I pay?", "how do I pay?"),
        ("thanks! and how do I pay?", "and how do I pay?"),
        ("Great, thank you. Can I return it?", "Can I return it?"),
        ("How do I pay? Thanks!", "How do I pay?"),
        ("How do I pay, please?", "How do I pay?"),
        ("Thanks to whom?", "Thanks to whom?"),
        ("Hi-res pictures?", "Hi-res pictures?"),
        ("Good morning shows?", "Good morning shows?"),
        ("Thanks!", "Thanks!"),
    ],
)
def test_the_question_beside_a_courtesy_is_what_counts(text: str, question: str) -> None:
    assert without_courtesy(text) == question
