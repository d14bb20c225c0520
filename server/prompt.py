"""The only place a prompt is written: serving, training, evaluation call `build_messages`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

# Grows with every change of wording: an adapter trained on another version is not served.
PROMPT_VERSION = "1"

_LONGEST_FACT = 400
_TURNS_OF_HISTORY = 2


class Message(TypedDict):
    """One chat message; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Persona:
    """Who answers and how: the part of a prompt that the owner decides."""

    name: str
    about: str = ""
    tone: str = ""
    guidelines: Sequence[str] = field(default_factory=tuple)
    guardrails: Sequence[str] = field(default_factory=tuple)


def build_messages(
    persona: Persona,
    question: str,
    facts: Sequence[str],
    *,
    history: Sequence[tuple[str, str]] = (),
) -> list[Message]:
    """Return the messages for one reply.

    `facts` are evidence sentences, best first; `history` holds earlier (question, reply) pairs,
    oldest first, of which the last few are kept.
    """
    messages = [Message(role="system", content=_system(persona))]
    for asked, replied in history[-_TURNS_OF_HISTORY:]:
        messages.append(Message(role="user", content=asked))
        messages.append(Message(role="assistant", content=replied))
    messages.append(Message(role="user", content=_user(question, facts)))
    return messages


def _system(persona: Persona) -> str:
    lines = [f"You are {persona.name}, the assistant of this website. {persona.about}".strip()]
    lines.append("Answer in one to three sentences. Use only the facts given with the question.")
    if persona.tone:
        lines.append(f"Tone: {persona.tone}")
    lines += [f"- {rule}" for rule in persona.guidelines]
    lines += [f"- Never: {rule}" for rule in persona.guardrails]
    return "\n".join(lines)


def _user(question: str, facts: Sequence[str]) -> str:
    listed = "\n".join(f"- {_one_line(fact)}" for fact in facts)
    asked = " ".join(question.split())
    return f"Facts:\n{listed}\n\nQuestion: {asked}" if listed else asked


def _one_line(text: str) -> str:
    # A fact that brings its own line breaks could pretend to be the question, or another fact.
    return " ".join(text.split())[:_LONGEST_FACT]
