"""The one prompt builder."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from server.prompt import Message, Persona, Room, build_messages, fence

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


def _words(messages: Sequence[Message]) -> int:
    return sum(len(m["content"].split()) for m in messages)


HISTORY = [("old question " * 20, "old reply " * 20), ("newer question", "newer reply")]


def test_earlier_turns_are_kept_as_long_as_their_tokens_allow() -> None:
    room = Room(tokens=1000, count=_words, history=50)
    messages = build_messages(PERSONA, "Hm?", ["fact"], history=HISTORY, room=room)
    assert [m["content"] for m in messages[1:-1]] == ["newer question", "newer reply"]
    none = build_messages(PERSONA, "Hm?", ["fact"], history=HISTORY[:1], room=room)
    assert len(none) == 2


def test_where_room_is_short_history_goes_first_then_the_worst_facts() -> None:
    facts = [f"fact {n} " + "word " * 20 for n in range(6)]
    whole = build_messages(PERSONA, "Hm?", facts, history=HISTORY[1:])
    for tokens in range(_words(whole), 40, -1):
        room = Room(tokens=tokens, count=_words)
        messages = build_messages(PERSONA, "Hm?", facts, history=HISTORY[1:], room=room)
        given = [n for n in range(6) if f"fact {n}" in messages[-1]["content"]]
        assert given == list(range(len(given))) and given
        assert len(messages) == 2 or len(given) == 6
        assert room.holds(messages) or given == [0]


def test_the_question_and_the_best_fact_are_never_cut() -> None:
    question = "why " * 300
    room = Room(tokens=100, count=_words)
    messages = build_messages(PERSONA, question, ["first", "second"], history=HISTORY, room=room)
    assert not room.holds(messages) and len(messages) == 2
    assert messages[-1]["content"].endswith(question.strip())
    assert "- first" in messages[-1]["content"] and "second" not in messages[-1]["content"]


def test_room_to_spare_changes_no_byte() -> None:
    room = Room(tokens=1000, count=_words)
    free, bound = (
        build_messages(PERSONA, "Hm?", ["f"], history=HISTORY[1:], room=r) for r in (None, room)
    )
    assert free == bound
