"""Sentence borders."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.knowledge.sentences import split_sentences


def _cut(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Python 3.11 is out. Get it.", ["Python 3.11 is out.", "Get it."]),
        ("Use e.g. this or i.e. That one. Done.", ["Use e.g. this or i.e. That one.", "Done."]),
        ("Ask Dr. Smith or Mrs. Jones. They know.", ["Ask Dr. Smith or Mrs. Jones.", "They know."]),
        ("By J. R. Smith. It is long.", ["By J. R. Smith.", "It is long."]),
        ("John F. Kennedy spoke.", ["John F. Kennedy spoke."]),
        ("It has vitamin C. It helps.", ["It has vitamin C.", "It helps."]),
        ("See https://example.org/a.b?c. Then go.", ["See https://example.org/a.b?c.", "Then go."]),
        ("Buy milk, eggs, etc. Then go home.", ["Buy milk, eggs, etc.", "Then go home."]),
        ("It opens at 9 a.m. Bring a friend.", ["It opens at 9 a.m.", "Bring a friend."]),
        ("It opens at 9 a.m. on Monday.", ["It opens at 9 a.m. on Monday."]),
        ("Is it no. 5? The answer is no. Go.", ["Is it no. 5?", "The answer is no.", "Go."]),
        ("Yahoo! is a firm. So what?", ["Yahoo! is a firm.", "So what?"]),
        ('He said "Go." She went.', ['He said "Go."', "She went."]),
        ("(Really.) Yes.", ["(Really.)", "Yes."]),
        ("Wait... What? Well … Yes.", ["Wait...", "What?", "Well …", "Yes."]),
        (
            "Edit /etc/apt/sources.list. Then run apt.",
            ["Edit /etc/apt/sources.list.", "Then run apt."],
        ),
        ("First line\nSecond line", ["First line", "Second line"]),
        ("- item one\n- item two. More.", ["item one", "item two.", "More."]),
        ("1. Open it.\n2. Close it.", ["Open it.", "Close it."]),
        ("今天天气很好。我们去吧！好吗？", ["今天天气很好。", "我们去吧！", "好吗？"]),
        ("यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है।", "यह दूसरा है।"]),
        ("هل هذا صحيح؟ نعم.", ["هل هذا صحيح؟", "نعم."]),
        ("", []),
        ("  \n \n", []),
        ("-", ["-"]),
        ("No end", ["No end"]),
        ("Wait . . . Yes.", ["Wait . . .", "Yes."]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert _cut(text) == sentences


@given(
    st.text(alphabet=st.sampled_from("ab Z1.!?。\n\t\"'()-•…¿é") | st.characters(), max_size=300)
)
def test_spans_are_ordered_trimmed_and_lose_nothing_but_markers(text: str) -> None:
    spans = split_sentences(text)
    position = 0
    for start, end in spans:
        assert position <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        left = text[position:start].strip()
        # Only a marker at the start of a line is left out.
        assert len(left) <= 6
        position = end
    assert len(text[position:].strip()) <= 6


@pytest.mark.parametrize(
    "worst", [".", "a", "a. ", ". ", "?! ", "e.g. ", "\n", "- ", " ", "(", "。", "A.)"]
)
def test_a58_time_grows_with_length_and_no_faster(worst: str) -> None:
    def seconds(n: int) -> float:
        text = worst * (n // len(worst))
        best = 9.0
        for _ in range(2):
            started = time.process_time()
            split_sentences(text)
            best = min(best, time.process_time() - started)
        return best

    short, long = seconds(100_000), seconds(200_000)
    assert long < 2
    assert long < 0.05 or long / short < 3
