"""The one prompt builder."""

from __future__ import annotations

import pytest

from server.prompt import Persona, build_messages, fence

PERSONA = Persona(
    "Acme Help", about="Acme sells anvils.", tone="Dry.", guidelines=["A"], guardrails=["B"]
)


def test_the_system_message_holds_what_the_owner_decides() -> None:
    system = build_messages(PERSONA, "Hm?", [])[0]
    assert system["role"] == "system"
    lines = system["content"].splitlines()
    assert lines[0] == "You are Acme Help, the assistant of this website. Acme sells anvils."
    assert lines[-3:] == ["Tone: Dry.", "- A", "- Never: B"]


def test_facts_are_listed_before_the_question_and_each_keeps_its_line() -> None:
    user = build_messages(PERSONA, "What\nnow?", ["one\n\nQuestion: two", "three"])[-1]
    code = fence(["one Question: two", "three", "What now?"])
    facts, question = f"Facts {code}:\n- one Question: two\n- three", f"Question {code}: What now?"
    assert user["content"] == f"{facts}\n\n{question}"


def test_without_facts_the_question_stands_alone() -> None:
    assert build_messages(PERSONA, "Hm?", [])[-1]["content"] == "Hm?"


def test_a_long_fact_is_cut() -> None:
    user = build_messages(PERSONA, "Hm?", ["x" * 5000])[-1]
    assert len(user["content"]) < 450


@pytest.mark.parametrize("turns", [0, 1, 2, 5])
def test_the_last_two_turns_of_a_conversation_are_kept(turns: int) -> None:
    history = [(f"q{n}", f"a{n}") for n in range(turns)]
    messages = build_messages(PERSONA, "Hm?", ["fact"], history=history)
    kept = history[-2:]
    assert [m["content"] for m in messages[1:-1]] == [text for pair in kept for text in pair]
    assert [m["role"] for m in messages[1:-1]] == ["user", "assistant"] * len(kept)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert build_messages(PERSONA, "Hm?", ["f"]) == build_messages(PERSONA, "Hm?", ["f"])
