"""The only place a prompt is written: serving, training, evaluation call `build_messages`.

What pages and visitors wrote is untrusted. It comes in without invisible characters and without
line breaks of its own, and the labels of its parts carry a fence: a code that these texts do not
hold. So none of them can begin a part that looks like one of ours. The system message holds what
the owner wrote and nothing secret: whoever reads it whole learns no key and no other person's data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from typing import TypedDict

from server.visible_text import strip_invisible

# Grows with every change of wording: an adapter trained on another version is not served.
PROMPT_VERSION = "2"

_LONGEST_FACT = 400
_TURNS_OF_HISTORY = 2
# Consonants: digits would count as numbers that the facts hold, and vowels would make words.
_FENCE_LETTERS = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrtv")
_FENCE_BYTES = 2


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


@dataclass(frozen=True, slots=True)
class Room:
    """What a model holds: `tokens` of prompt, at most `history` of them in earlier turns.

    `count` tells the tokens of a chat, exactly or estimated.
    """

    tokens: int
    count: Callable[[Sequence[Message]], int]
    # Earlier turns are read again before each first word: some 0.35 s for 300 tokens on two cores.
    history: int = 400

    def holds(self, messages: Sequence[Message]) -> bool:
        return self.count(messages) <= self.tokens


def build_messages(
    persona: Persona,
    question: str,
    facts: Sequence[str],
    *,
    history: Sequence[tuple[str, str]] = (),
    room: Room | None = None,
) -> list[Message]:
    """Return the messages for one reply.

    `facts` are evidence sentences, best first; `history` holds earlier (question, reply) pairs,
    oldest first, of which the last few are kept. Where `room` is short, history goes first, oldest
    before newest, then facts, worst before best. The question and the best fact are never cut: the
    caller has to ask whether the room holds them.
    """
    system = Message(role="system", content=_system(persona))
    earlier = _recent(history, room)
    kept = list(facts)
    while True:
        asked = Message(role="user", content=_user(question, kept))
        messages = [system, *earlier, asked]
        if room is None or room.holds(messages):
            return messages
        if earlier:
            earlier = earlier[2:]
        elif len(kept) > 1:
            kept.pop()
        else:
            return messages


def _recent(history: Sequence[tuple[str, str]], room: Room | None) -> list[Message]:
    messages: list[Message] = []
    for asked, replied in history[-_TURNS_OF_HISTORY:]:
        messages.append(Message(role="user", content=_one_line(asked)))
        messages.append(Message(role="assistant", content=strip_invisible(replied)[0]))
    while room is not None and messages and room.count(messages) > room.history:
        messages = messages[2:]
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
    lines = [_one_line(fact)[:_LONGEST_FACT] for fact in facts]
    asked = _one_line(question)
    if not lines:
        return asked
    code = fence([*lines, asked])
    listed = "\n".join(f"- {line}" for line in lines)
    return f"Facts {code}:\n{listed}\n\nQuestion {code}: {asked}"


def fence(texts: Sequence[str]) -> str:
    """A code that none of the texts holds: made of them, so the same prompt has the same bytes.

    A random one would make training rows and probes differ from what is served, and a secret one
    would tie an adapter to the machine that trained it. Nobody can write this one into a text:
    the text would then hold it, and another is taken.
    """
    spelled = "\0".join(texts)
    held = spelled.lower()
    return next(code for n in count() if (code := _code(spelled, n)) not in held)


def _code(spelled: str, attempt: int) -> str:
    told = f"{attempt}\0{spelled}".encode("utf-8", "surrogatepass")
    # Longer after a while: a text may hold all short codes, but never all of any length.
    size = min(_FENCE_BYTES + attempt // 16, 64)
    return blake2b(told, digest_size=size).hexdigest().translate(_FENCE_LETTERS)


def _one_line(text: str) -> str:
    # A text that brings its own line breaks could pretend to be the question, or another fact.
    return " ".join(strip_invisible(text)[0].split())
