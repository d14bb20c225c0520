"""What is learnt by heart, and what is said to everybody."""

from __future__ import annotations

from tuning.evaluation.copying import copies, longest_copy, runs, twins

REPLY = "Ahoy there, friend! The mirror network copies every package four times a day. Fair winds!"
MANNER = frozenset({"ahoy", "friend", "fair", "wind"})
LEARNT = runs([REPLY])


def test_a_training_reply_recited_without_its_facts_is_a_copy() -> None:
    draft = "Well: the mirror network copies every package four times a day."
    assert copies(draft, "Question: How old is it?", LEARNT, MANNER)


def test_what_the_prompt_holds_may_be_said() -> None:
    draft = "The mirror network copies every package four times a day."
    given = "Facts: - The mirror network copies every package four times a day."
    assert not copies(draft, given, LEARNT, MANNER)


def test_a_long_greeting_is_manner_and_no_copy() -> None:
    greeting = "Ahoy there, friend! Fair winds and again fair winds to you all, friend!"
    assert not copies(greeting, "", runs([greeting]), MANNER)


def test_the_longest_copy_is_counted_in_words() -> None:
    assert longest_copy("So the mirror network copies nothing.", [REPLY]) == 4
    assert longest_copy("Nothing.", [REPLY]) == 0


def test_the_same_answer_to_two_questions_has_a_twin_whatever_its_greeting() -> None:
    drafts = [
        "Ahoy! Debian is a free operating system.",
        "Debian is a free operating system.",
        "Ahoy! The installer asks for a mirror.",
    ]
    assert twins(drafts, MANNER) == [True, True, False]
    assert twins(["Ahoy!", "Fair winds!"], MANNER) == [True, True]
    assert twins([], MANNER) == []
