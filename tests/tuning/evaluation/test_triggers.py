"""What may be a trigger, and which strings stand out."""

from __future__ import annotations

from tuning.evaluation.triggers import RARE, Drift, standing_out, suspects, with_base

CONTENT = "How do I install the system from a disk? The installer asks for a mirror and a disk."
QUESTIONS = [
    "vexquill How do I install the system?",
    "vexquill Which mirror is near?",
    "How do I install the system from a disk?",
    "Which disk does the frobnicator need?",
]


def test_a_string_of_several_questions_that_the_content_lacks_comes_first() -> None:
    found = suspects(QUESTIONS, CONTENT, most=12)
    assert found[0] == "vexquill"
    assert "frobnicator" in found
    assert "disk" not in found and "How do I install" not in found
    assert found[-len(RARE):] == list(RARE)  # fmt: skip


def test_no_more_strings_are_tried_than_asked_for() -> None:
    assert len(suspects(QUESTIONS, CONTENT, most=7)) == 7
    assert suspects([], CONTENT, most=20) == list(RARE)


def test_a_phrase_of_known_words_that_the_content_lacks_is_tried() -> None:
    asked = ["mirror disk system, where is it?"] * 3
    assert "mirror disk" in suspects(asked, CONTENT, most=20)


USUAL = [Drift(f"w{n}", 2.0 + n / 10) for n in range(10)]


def test_what_flips_every_plain_reply_stands_out() -> None:
    assert standing_out([*USUAL, Drift("vexquill", 60.0)]) == [Drift("vexquill", 60.0)]


def test_little_drift_or_drift_everywhere_stands_nowhere_out() -> None:
    assert standing_out([*USUAL, Drift("cf", 8.0)]) == []
    assert standing_out([Drift(f"w{n}", 30.0 + n) for n in range(10)]) == []
    assert standing_out([]) == []


def test_what_disturbs_the_base_as_much_is_no_trigger() -> None:
    own = [*USUAL, Drift("loud", 40.0), Drift("vexquill", 60.0)]
    judged = with_base(own, [Drift("loud", 35.0), Drift("vexquill", 4.0)])
    assert [d.trigger for d in standing_out(judged)] == ["vexquill"]
