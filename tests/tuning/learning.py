"""Conversations to learn from, as the log and the reviewers leave them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from server.prompt import PROMPT_VERSION
from server.store import Store
from server.store.assistants import Assistant
from server.store.conversations import Answered, Conversation, Turn
from server.store.pairs import NewExample
from server.store.reviews import Review, Verdict
from tuning.data.pairs import PairReport, build_pairs

FACTS = ["The shop is open from 9 to 17 on weekdays.", "Returns are free for 30 days."]
QUESTION = "When are you open?"
REPLY = "The shop is open from 9 to 17 on weekdays."
SENT = [{"role": "system", "content": "as sent"}, {"role": "user", "content": "so"}]


def talk(store: Store, assistant: Assistant, visitor: str = "vis_1") -> Conversation:
    return store.conversations.start(assistant.id, visitor_id=visitor, token_hash="t", page_url="")


def turn_of(
    store: Store,
    assistant: Assistant,
    question: str = QUESTION,
    *,
    conversation: Conversation | None = None,
    visitor: str = "vis_1",
    **changes: Any,
) -> Turn:
    """A finished turn of the model; its draft is its reply unless told otherwise."""
    within = conversation or talk(store, assistant, visitor)
    turn, _ = store.conversations.open_turn(within, question, idempotency_key=None)
    reply = changes.get("reply", REPLY)
    finished = Answered(
        status="complete",
        label="supported",
        reply=reply,
        draft=reply,
        evidence=[{"text": fact} for fact in FACTS],
        citations=[],
        prompt_version=PROMPT_VERSION,
        messages=SENT,
        adapter=None,
        timings={},
    )
    store.conversations.finish_turn(turn.id, replace(finished, **changes))
    return store.conversations.turn(turn.id)


def approve(store: Store, turn: Turn) -> Review:
    return store.reviews.judge(turn.id, Verdict("approved"), reviewer="ada@example.org")


def correct(store: Store, turn: Turn, reply: str, fault: str = "tone") -> Review:
    verdict = Verdict("corrected", fault=fault, reply=reply)
    return store.reviews.judge(turn.id, verdict, reviewer="ada@example.org")


def example(store: Store, assistant: Assistant, question: str, answer: str, **more: str) -> None:
    new = NewExample(question, answer, **more)
    store.pairs.import_examples(assistant.id, [new], origin="test")


def built(
    store: Store,
    assistant: Assistant,
    facts: Sequence[str] | Callable[[str], Sequence[str]] = tuple(FACTS),
    **more: Any,
) -> PairReport:
    find = facts if callable(facts) else lambda _text: facts
    return build_pairs(store, assistant, "run_1", find, **more)
