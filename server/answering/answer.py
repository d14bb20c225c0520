"""One question answered: what is wanted, evidence, gate, draft, checked reply. Logs nothing.

The same function answers visitors, the command line and the evaluation of an adapter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from server.answering.aside import Aside, aside, refusal_text
from server.answering.compose import UNCERTAIN, Reply, compose, refusal
from server.answering.curated import CuratedAnswers
from server.answering.dialogue import Asked, Said, understand
from server.answering.evidence import Evidence, as_rows, combine, find_evidence
from server.answering.fitting import gate_of
from server.answering.gate import REFUSE, SURE, UNSURE, Gate
from server.answering.phrases import Phrase, base
from server.answering.related import next_steps
from server.answering.standalone import fit, several
from server.answering.untrusted import Marks, Recital
from server.answering.wishes import FORMS, Kind
from server.errors import Unavailable
from server.llm.voice import Voice
from server.prompt import PROMPT_VERSION, Message, Persona, build_messages
from server.retrieval.hybrid import Retriever
from server.store.assistants import Assistant
from server.store.conversations import Answered
from server.visible_text import strip_invisible

log = logging.getLogger(__name__)

_MOST_PARTS = 4


@dataclass(slots=True)
class Outcome:
    """What one question came to. `timings` are milliseconds: evidence, first text, check, total.

    `signals`: what was understood, what the gate saw, which curated answer was given. `rows`: what
    an earlier turn's evidence was logged as, where that turn is told again.
    """

    reply: Reply
    evidence: Evidence | None
    messages: Sequence[Message]
    digest: str | None
    timings: dict[str, float] = field(default_factory=dict)
    signals: dict[str, Any] = field(default_factory=dict)
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
    curated: CuratedAnswers | None = None,
) -> Iterator[Evidence | str | Outcome]:
    """Yield the evidence, pieces of text as they become sure, and the Outcome last.

    `voice` is asked only when the model is needed; if it raises Unavailable, the best evidence is
    quoted. `stopped` is asked at every piece of the draft. `curated` goes before the model; what
    measures the model leaves it out.
    """
    # The log keeps what was typed; search, model and check get what can be seen of it.
    seen = strip_invisible(question)[0]
    earlier = [replace(s, question=strip_invisible(s.question)[0]) for s in history]
    turn = _Turn(assistant, seen, earlier, retriever, curated)
    given = turn.without_model()
    if given is not None:
        yield given.reply.text
        yield given
        return
    evidence = turn.find_best()
    if turn.decide(evidence) == REFUSE:
        outcome = turn.refused(evidence)
        yield outcome.reply.text
        yield outcome
        return
    yield evidence
    yield from turn.drafted(evidence, voice, stopped)


class _Turn:
    """One question on its way: what it means, what the gate says, what is noted about it."""

    def __init__(
        self,
        assistant: Assistant,
        question: str,
        history: Sequence[Said],
        retriever: Retriever,
        curated: CuratedAnswers | None,
    ) -> None:
        self._began = time.perf_counter()
        self._assistant = assistant
        self._question = question
        self._history = history
        self._retriever = retriever
        self._curated = curated
        self._asked: Asked = understand(question, history)
        self._decision = REFUSE
        self._left_out = 0
        self._timings: dict[str, float] = {}
        self._noted: dict[str, Any] = {
            "kind": self._asked.kind.value,
            "language": self._asked.language,
        }

    @cached_property
    def _gate(self) -> Gate:
        # Read when it is needed: a greeting does without.
        return gate_of(self._retriever.store, self._assistant.id)

    def without_model(self) -> Outcome | None:
        """A courtesy, the last answer told otherwise, or what a person has approved."""
        # "Can I talk to somebody?": what the owner has written goes before our own sentence.
        if self._asked.kind is Kind.META and (approved := self._approved(self._question)):
            return approved
        told = aside(self._assistant, self._asked, self._history, self._find)
        if told is None:
            return self._approved(self._asked.readings[0])
        self._noted |= _told_again(self._asked, told)
        if self._asked.phrase is Phrase.NO_PERSON and self._assistant.settings.contact:
            self._noted["contact"] = self._assistant.settings.contact
        rows = told.last.evidence if told.last else ()
        return Outcome(told.reply, None, [], None, self._ended(), self._noted, rows)

    def _approved(self, question: str) -> Outcome | None:
        if self._curated is None:
            return None
        leans = self._asked.kind in (Kind.FOLLOW_UP, Kind.CORRECTION)
        match = self._curated.match(self._assistant, question, leans=leans)
        reply = self._curated.reply(match) if match else None
        if match is None or reply is None:
            return None
        which = {match.kind: match.id, "question": match.question, "score": match.score}
        self._noted |= {"curated": which, "asked": question}
        return Outcome(reply, None, [], None, self._ended(), self._noted)

    def find_best(self) -> Evidence:
        """The evidence of the reading that fits best; most questions have one only."""
        asked = self._asked.readings
        parts = several(asked[0]) if len(asked) == 1 else []
        found = (
            self._of_all(asked[0], parts)
            if parts
            else max(map(self._find, asked), key=lambda e: fit(e, self._asked.new))
        )
        self._noted["asked"] = found.question
        self._timings["evidence"] = self._ms()
        return found

    def decide(self, evidence: Evidence) -> str:
        """Ask the gate, and note what it saw."""
        likely, decision = self._gate.judge(evidence.signals)
        self._decision = decision if evidence.sentences else REFUSE
        if self._decision == SURE and self._left_out:
            self._decision = UNSURE
        self._noted["gate"] = round(likely, 4)
        self._noted["seen"] = {name: round(v, 4) for name, v in evidence.signals.items()}
        return self._decision

    def refused(self, evidence: Evidence) -> Outcome:
        """The owner's refusal, with what to do next."""
        settings = self._assistant.settings
        reply = refusal(refusal_text(settings, self._asked.language))
        self._noted |= next_steps(evidence, contact=settings.contact)
        return Outcome(reply, evidence, [], None, self._ended(), self._noted)

    def drafted(
        self, evidence: Evidence, voice: Callable[[], Voice], stopped: Callable[[], bool]
    ) -> Iterator[str | Outcome]:
        """The model's checked words, or a quote where it has none that stand."""
        speaking = None if self._is_foreign() else _speaking(voice)
        messages = self._messages(evidence, speaking)
        if speaking and speaking.room and not speaking.room.holds(messages):
            log.warning("quoting: the model does not hold the question and one fact")
            speaking = None
        marks = Marks(evidence.facts)
        draft = marks.filter(_draft(speaking, messages, stopped))
        checked = compose(
            evidence,
            draft,
            sure=self._decision == SURE,
            voice=speaking.words if speaking else frozenset(),
            stop=draft.close,
            stopped=stopped,
            recites=Recital(messages[0]["content"], evidence.facts).continues,
            checker=speaking.checker if speaking else None,
        )
        for item in checked:
            if isinstance(item, Reply):
                self._noted["dropped_citations"] = marks.dropped
                yield self._answered(item, evidence, messages, speaking)
            else:
                self._timings.setdefault("first", self._ms())
                yield item

    def _of_all(self, question: str, parts: Sequence[str]) -> Evidence:
        """The evidence of several questions at once: of those that have any."""
        found = [self._find(part) for part in parts[:_MOST_PARTS]]
        kept = [e for e in found if e.sentences and self._gate.judge(e.signals)[1] != REFUSE]
        if len(kept) < 2:
            # Perhaps one question in several sentences, such as "Is it broken? What can I do?"
            self._left_out = len(parts) - 1
            asked = [self._find(question), *kept]
            return max(asked, key=lambda e: self._gate.probability(e.signals))
        whole = combine(question, kept)
        self._left_out = len(parts) - whole.parts
        return whole

    def _find(self, reading: str) -> Evidence:
        return find_evidence(self._retriever, self._assistant.id, reading, frame=self._gate.frame)

    def _is_foreign(self) -> bool:
        # A draft in one language about facts in another is garbled: they are quoted as they are.
        content = self._assistant.settings.language
        return base(self._asked.language or content) != base(content)

    def _messages(self, evidence: Evidence, speaking: Voice | None) -> list[Message]:
        # The visitor's own words where they stand alone, greeting and all: a voice answers to it.
        alone = self._asked.kind is Kind.QUESTION
        return build_messages(
            persona_of(self._assistant),
            self._question if alone else evidence.question,
            evidence.facts,
            history=[(s.question, s.reply) for s in self._history if s.is_answer],
            room=speaking.room if speaking else None,
        )

    def _answered(
        self,
        reply: Reply,
        evidence: Evidence,
        messages: Sequence[Message],
        speaking: Voice | None,
    ) -> Outcome:
        if reply.label == UNCERTAIN:
            cited = [c["passage"] for c in reply.citations]
            self._noted |= next_steps(evidence, contact="", cited=cited)
        self._timings["check"] = round(reply.check_ms, 2)
        sent = messages if speaking else []
        digest = speaking.digest if speaking else None
        return Outcome(reply, evidence, sent, digest, self._ended(), self._noted)

    def _ms(self) -> float:
        return round((time.perf_counter() - self._began) * 1000, 1)

    def _ended(self) -> dict[str, float]:
        return self._timings | {"total": self._ms()}


def _told_again(asked: Asked, told: Aside) -> dict[str, Any]:
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
    began = False
    try:
        for chunk in speaking.model.stream(cast(Any, [dict(m) for m in messages])):
            began = True
            if stopped():
                return
            yield str(chunk.text)
    except Exception:
        # A model elsewhere fails in ways of its own. Before its first word the evidence can be
        # quoted as if there were no model; after it, half an answer must not look like a whole.
        if began:
            raise
        log.warning("quoting: the model could not begin", exc_info=True)
