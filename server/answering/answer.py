"""One question answered: evidence -> refusal or prompt -> draft -> checked reply. Logs nothing.

The same function answers visitors, the command line and the evaluation of an adapter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from server.answering.compose import CURATED, Reply, compose, refusal, should_refuse
from server.answering.courtesy import courtesy
from server.answering.curated import CuratedAnswers
from server.answering.evidence import Evidence, as_rows, find_evidence
from server.answering.words import content_words, tokens
from server.errors import Unavailable
from server.llm.voice import Voice
from server.prompt import PROMPT_VERSION, Message, Persona, build_messages
from server.retrieval.hybrid import Retriever
from server.store.assistants import Assistant
from server.store.conversations import Answered

log = logging.getLogger(__name__)

_GOING_ON = ("and ", "but ", "what about ", "how about ", "why not")
_PRONOUNS = frozenset("it its they them their that this those these he she one ones".split())


@dataclass(slots=True)
class Outcome:
    """What one question came to; `first_ms` is the time to the first text shown."""

    reply: Reply
    evidence: Evidence | None
    messages: Sequence[Message]
    digest: str | None
    timings: dict[str, float] = field(default_factory=dict)
    signals: dict[str, Any] = field(default_factory=dict)

    def as_answered(self, status: str) -> Answered:
        return Answered(
            status=status,
            label=self.reply.label,
            reply=self.reply.text,
            draft=self.reply.draft,
            evidence=as_rows(self.evidence) if self.evidence else [],
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


def search_query(question: str, history: Sequence[tuple[str, str]]) -> str:
    """The question as retrieval should see it: a follow-up carries the question before it."""
    said = tokens(question)
    leans = (
        not content_words(question)
        or not _PRONOUNS.isdisjoint(said)
        or " ".join(said).startswith(_GOING_ON)
    )
    return f"{history[-1][0]} {question}" if history and leans else question


def answer(
    assistant: Assistant,
    question: str,
    *,
    retriever: Retriever,
    voice: Callable[[], Voice],
    history: Sequence[tuple[str, str]] = (),
    stopped: Callable[[], bool] = lambda: False,
    curated: CuratedAnswers | None = None,
) -> Iterator[Evidence | str | Outcome]:
    """Yield the evidence, pieces of text as they become sure, and the Outcome last.

    `voice` is asked only when the model is needed; if it raises Unavailable, the best evidence is
    quoted. `stopped` is asked at every piece of the draft. `curated` goes before the model; what
    measures the model leaves it out.
    """
    began = time.perf_counter()
    greeted = courtesy(question, greeting=assistant.settings.greeting)
    if greeted is not None:
        yield greeted
        yield Outcome(Reply(text=greeted, label=CURATED), None, [], None, _since(began))
        return
    if curated is not None:
        leans = bool(history) and search_query(question, history) != question
        given = _curated(curated, assistant, question, leans=leans, began=began)
        if given is not None:
            yield given.reply.text
            yield given
            return
    evidence = find_evidence(retriever, assistant.id, search_query(question, history))
    timings = {"evidence": _ms(began)}
    if should_refuse(evidence):
        refused = refusal(assistant.settings.refusal)
        yield refused.text
        yield Outcome(refused, evidence, [], None, timings | _since(began))
        return
    yield evidence
    speaking = _speaking(voice)
    messages = build_messages(persona_of(assistant), question, evidence.facts, history=history)
    draft = _draft(speaking, messages, stopped)
    words = speaking.words if speaking else frozenset()
    for item in compose(evidence, draft, voice=words, stop=draft.close, stopped=stopped):
        if isinstance(item, Reply):
            timings |= _since(began)
            digest = speaking.digest if speaking else None
            yield Outcome(item, evidence, messages if speaking else [], digest, timings)
        else:
            timings.setdefault("first", _ms(began))
            yield item


def _curated(
    curated: CuratedAnswers, assistant: Assistant, question: str, *, leans: bool, began: float
) -> Outcome | None:
    """The answer that a person has approved for this question; `signals` says which, how well."""
    match = curated.match(assistant, question, leans=leans)
    reply = curated.reply(match) if match else None
    if match is None or reply is None:
        return None
    signals = {"curated": {match.kind: match.id, "question": match.question, "score": match.score}}
    return Outcome(reply, None, [], None, _since(began), signals)


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
