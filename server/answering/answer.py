"""One question answered: evidence -> refusal or prompt -> draft -> checked reply. Logs nothing.

The same function answers visitors, the command line and the evaluation of an adapter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from server.answering.aside import Aside, aside, refusal_text
from server.answering.compose import Reply, compose, refusal, should_refuse
from server.answering.dialogue import Asked, Said, understand
from server.answering.evidence import Evidence, as_rows, find_evidence
from server.answering.phrases import base
from server.answering.standalone import fit
from server.answering.wishes import FORMS, Kind
from server.errors import Unavailable
from server.llm.voice import Voice
from server.prompt import PROMPT_VERSION, Message, Persona, build_messages
from server.retrieval.hybrid import Retriever
from server.store.assistants import Assistant
from server.store.conversations import Answered

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """What one question came to; `first_ms` is the time to the first text shown."""

    reply: Reply
    evidence: Evidence | None
    messages: Sequence[Message]
    digest: str | None
    timings: dict[str, float] = field(default_factory=dict)
    signals: dict[str, Any] = field(default_factory=dict)
    # What an earlier turn's evidence was logged as, where that turn is told again.
    rows: Sequence[dict[str, Any]] = ()

    def as_answered(self, status: str) -> Answered:
        return Answered(
            status=status,
            label=self.reply.label,
            reply=self.reply.text,
            draft=self.reply.draft,
            evidence=as_rows(self.evidence) if self.evidence else list(self.rows),
            citations=self.reply.citations,
            prompt_version=PROMPT_VERSION,
            messages=[{"role": m["role"], "content": m["content"]} for m in self.messages],
            adapter=self.digest,
            timings=self.timings,
            signals=self.signals,
        )


def persona_of(assistant: Assistant) -> Persona:
    """The part of the prompt that an assistant's settings decide."""
    chosen = assistant.settings
    return Persona(
        name=assistant.name,
        about=chosen.about,
        tone=chosen.tone,
        guidelines=chosen.guidelines,
        guardrails=chosen.guardrails,
    )


def answer(
    assistant: Assistant,
    question: str,
    *,
    retriever: Retriever,
    voice: Callable[[], Voice],
    history: Sequence[Said] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Evidence | str | Outcome]:
    """Yield the evidence, pieces of text as they become sure, and the Outcome last.

    `voice` is asked only when the model is needed; if it raises Unavailable, the best evidence is
    quoted. `stopped` is asked at every piece of the draft.
    """
    began = time.perf_counter()
    asked = understand(question, history)
    signals: dict[str, Any] = {"kind": asked.kind.value, "language": asked.language}

    def find(reading: str) -> Evidence:
        return find_evidence(retriever, assistant.id, reading)

    told = aside(assistant, asked, history, find)
    if told is not None:
        yield told.reply.text
        rows = told.last.evidence if told.last else ()
        signals |= _logged(asked, told)
        yield Outcome(told.reply, None, [], None, _since(began), signals, rows)
        return
    evidence = max(map(find, asked.readings), key=lambda e: fit(e, asked.new))
    signals["asked"] = evidence.question
    timings = {"evidence": _ms(began)}
    if should_refuse(evidence):
        refused = refusal(refusal_text(assistant.settings, asked.language))
        yield refused.text
        yield Outcome(refused, evidence, [], None, timings | _since(began), signals)
        return
    yield evidence
    # A draft in one language about facts in another is garbled: the facts are quoted as they are.
    foreign = base(asked.language or assistant.settings.language) != base(
        assistant.settings.language
    )
    speaking = None if foreign else _speaking(voice)
    messages = build_messages(
        persona_of(assistant),
        # The visitor's own words where they stand alone, greeting and all: a voice answers to it.
        question if asked.kind is Kind.QUESTION else evidence.question,
        evidence.facts,
        history=[(s.question, s.reply) for s in history if s.evidence],
    )
    draft = _draft(speaking, messages, stopped)
    words = speaking.words if speaking else frozenset()
    for item in compose(evidence, draft, voice=words, stop=draft.close, stopped=stopped):
        if isinstance(item, Reply):
            timings |= _since(began)
            digest = speaking.digest if speaking else None
            sent = messages if speaking else []
            yield Outcome(item, evidence, sent, digest, timings, signals)
        else:
            timings.setdefault("first", _ms(began))
            yield item


def _logged(asked: Asked, told: Aside) -> dict[str, Any]:
    """How an aside is logged: one that tells nothing again must not be taken for an answer."""
    if told.last is None:
        return {"kind": (Kind.META if asked.kind in FORMS else asked.kind).value}
    return {"asked": told.last.standalone}


def _speaking(voice: Callable[[], Voice]) -> Voice | None:
    try:
        return voice()
    except Unavailable as error:
        log.warning("quoting without a model: %s", error)
        return None


def _draft(
    speaking: Voice | None, messages: Sequence[Message], stopped: Callable[[], bool]
) -> Generator[str, None, None]:
    """The model's words as they come, none without one; closing the generator stops the model."""
    if speaking is None or stopped():
        return
    for chunk in speaking.model.stream(cast(Any, [dict(m) for m in messages])):
        if stopped():
            return
        yield str(chunk.text)


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _since(began: float) -> dict[str, float]:
    return {"total": _ms(began)}
