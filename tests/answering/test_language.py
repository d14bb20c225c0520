"""Which language a visitor writes: sure, or None."""

from __future__ import annotations

import pytest

from server.answering.language import language_of
from server.answering.phrases import _SENTENCES, Phrase, own_name, say

_CLEAR = [
    ("How do I make a backup?", "en"),
    ("What is the price of it?", "en"),
    ("Wie kann ich eine Sicherung machen?", "de"),
    ("Was kostet das?", "de"),
    ("Comment installer le widget sur mon site ?", "fr"),
    ("Quels sont les tarifs ?", "fr"),
    ("¿Cuánto cuesta?", "es"),
    ("¿Dónde se guardan los datos?", "es"),
    ("Quanto custa isso?", "pt"),
    ("Como posso fazer uma cópia de segurança?", "pt"),
    ("Quanto costa il servizio?", "it"),
    ("Come posso installare questo?", "it"),
    ("Hoe werkt het?", "nl"),
    ("Wat kost een abonnement bij jullie?", "nl"),
    ("Ile to kosztuje?", "pl"),
    ("Jak mogę zrobić kopię?", "pl"),
    ("Vad kostar det?", "sv"),
    ("Hur kan jag få hjälp?", "sv"),
    ("バックアップはどうやって作りますか？", "ja"),
    ("如何备份数据？", "zh"),
    ("كم يكلف هذا؟", "ar"),
    ("Как сделать копию?", "ru"),
]


@pytest.mark.parametrize(("text", "language"), _CLEAR)
def test_a_clear_question_is_known_by_its_small_words_or_its_script(
    text: str, language: str
) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    "text",
    ["", "Docker?", "backup", "Installation", "42", "???", "Parlance 2.0", "die", "PostgreSQL"],
)
def test_what_could_be_any_language_is_none(text: str) -> None:
    assert language_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "What is a die?",
        "Can I use de Debian package?",
        "Where is the El Capitan build?",
        "How do I read 東京.txt?",
        "Is it in Los Angeles or in La Paz?",
        "What does 'Was kostet das' mean?",
    ],
)
def test_foreign_words_in_an_english_question_make_no_other_language(text: str) -> None:
    assert language_of(text) in ("en", None)


def test_every_language_has_every_sentence_with_its_blanks() -> None:
    assert len(_SENTENCES) == 12
    for language, table in _SENTENCES.items():
        assert set(table) == set(Phrase), language
        for phrase, text in table.items():
            assert ("{name}" in text) == ("{name}" in say(phrase, "en")), (language, phrase)


def test_a_language_without_sentences_gets_english_ones() -> None:
    assert say(Phrase.GREETING, "ru") == say(Phrase.GREETING, None) == say(Phrase.GREETING, "en-GB")
    assert own_name("de-AT") == "Deutsch"
