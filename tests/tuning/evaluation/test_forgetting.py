"""What forgetting is measured on."""

from __future__ import annotations

from tuning.evaluation.forgetting import KNOWN, neutral_texts


def test_neutral_texts_are_paragraphs_of_the_manual_from_many_pages() -> None:
    found = neutral_texts(12)
    assert len(found) == len(set(found)) == 12
    assert all(200 <= len(text) <= 600 and "\n" not in text for text in found)


def test_every_known_question_has_endings_that_differ() -> None:
    assert len({known.question for known in KNOWN}) == len(KNOWN) >= 20
    assert all(len(set(known.endings)) == 4 for known in KNOWN)
    assert all(known.endings[0] == known.right for known in KNOWN)
