"""Turns: each runs in a thread of its own and writes its events into a buffer, then into the log.

Whoever reads the buffer, once or again after a drop, sees the same events; a visitor who leaves
does not break the log.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from server.answering.answer import Outcome, answer
from server.answering.compose import Reply
from server.answering.curated import CuratedAnswers
from server.answering.dialogue import Said
from server.answering.evidence import Evidence
from server.answering.freshness import as_they_stand
from server.answering.related import told_beside
from server.answering.wishes import Kind
from server.errors import AppError, Invalid, Unavailable
from server.llm.voice import Voices
from server.retrieval.hybrid import Retriever
from server.store import Store
from server.store.assistants import Assistant
from server.store.conversations import OPEN, Conversation, Turn
from server.visible_text import storable, strip_invisible

log = logging.getLogger(__name__)

_KEEP_FINISHED = 256


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a turn's stream: turn, sources, token, done or error."""

    id: int
    name: str
    data: dict[str, Any]


class LiveTurn:
    """A turn under way or just finished: its events, for any number of readers.

    `retold`: from the log, so its event ids are not those that readers may have counted before.
    """

    def __init__(self, turn: Turn, *, retold: bool = False) -> None:
        self.turn = turn
        self.stopping = threading.Event()
        self._events: list[Event] = []
        self._ended = False
        self._retold = retold
        self._changed = threading.Condition()

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def shown(self) -> str:
        """The text that readers have been given."""
        return "".join(e.data["text"] for e in self._events if e.name == "token")

    def add(self, name: str, data: dict[str, Any], *, last: bool = False) -> None:
        with self._changed:
            self._events.append(Event(len(self._events) + 1, name, data))
            self._ended = last
            self._changed.notify_all()

    def follow(self, after: int = 0, *, heartbeat: float = 15.0) -> Iterator[Event | None]:
        """Yield the events after an id as they come; None when `heartbeat` seconds were quiet."""
        if self._retold:
            after = min(after, len(self._events) - 1)  # whoever comes back gets the end at least
        while True:
            with self._changed:
                if len(self._events) <= after and not self._ended:
                    self._changed.wait(heartbeat)
                fresh, ended = self._events[after:], self._ended
            yield from fresh
            after += len(fresh)
            if ended:
                return
            if not fresh:
                yield None


class Chat:
    """Runs turns and keeps the recent ones for readers that come back."""

    def __init__(
        self,
        store: Store,
        retriever: Retriever,
        voices: Voices,
        *,
        streams: int = 64,
        longest_question: int = 2000,
    ) -> None:
        self._store = store
        self._retriever = retriever
        self._voices = voices
        self._curated = CuratedAnswers(store, retriever)
        self._longest = longest_question
        self._free = threading.Semaphore(streams)
        self._pool = ThreadPoolExecutor(max_workers=streams, thread_name_prefix="turn")
        self._live: dict[str, LiveTurn] = {}
        self._guard = threading.Lock()
        self._closing = threading.Event()
        # A retry that comes beside its first request must find the turn among the live ones.
        self._opening = threading.Lock()

    def ask(
        self,
        assistant: Assistant,
        conversation: Conversation,
        question: str,
        *,
        idempotency_key: str | None = None,
    ) -> LiveTurn:
        """Log a question and begin to answer it; the same key gives the same turn again."""
        checked = self._checked(question)
        with self._opening:
            earlier = self._store.conversations.earlier_turn(conversation, checked, idempotency_key)
            if earlier is not None:
                return self.follow(earlier)
            live = self._open(conversation, checked, idempotency_key)
        self._pool.submit(self._run, assistant, live, _visitor(conversation))
        return live

    def follow(self, turn: Turn) -> LiveTurn:
        """The stream of a turn: as it runs, or told again from the log."""
        with self._guard:
            live = self._live.get(turn.id)
        return live or self._retold(self._store.conversations.turn(turn.id))

    def stop(self, turn: Turn) -> None:
        """End an answer early; what was shown is kept. A finished turn stays as it is."""
        with self._guard:
            live = self._live.get(turn.id)
        if live is not None:
            live.stopping.set()

    def try_out(self, assistant: Assistant, question: str) -> Outcome:
        """Answer as the first question of a visitor is answered, and log nothing."""
        steps = self._steps(assistant, self._checked(question), (), self._closing.is_set)
        return next(step for step in steps if isinstance(step, Outcome))

    @property
    def is_closing(self) -> bool:
        """Whether answers are being ended because the server stops."""
        return self._closing.is_set()

    def close(self) -> None:
        """Stop all answers and wait for their turns to be logged."""
        self._closing.set()
        with self._guard:
            for live in self._live.values():
                live.stopping.set()
        self._pool.shutdown(wait=True)

    def _open(self, conversation: Conversation, question: str, key: str | None) -> LiveTurn:
        if not self._free.acquire(blocking=False):
            raise Unavailable("Many people are asking right now.", hint="Try again in a moment.")
        try:
            turn, _ = self._store.conversations.open_turn(
                conversation, question, idempotency_key=key
            )
        except BaseException:
            self._free.release()
            raise
        return self._remember(LiveTurn(turn))

    def _checked(self, question: str) -> str:
        text = storable(question).strip()
        if not strip_invisible(text)[0].strip():
            raise Invalid("The question is empty.", hint="Type a question first.")
        if len(text) > self._longest:
            raise Invalid(
                f"The question has {len(text)} characters; {self._longest} are possible.",
                hint="Make it shorter.",
            )
        return text

    def _remember(self, live: LiveTurn) -> LiveTurn:
        with self._guard:
            self._live[live.turn.id] = live
            finished = [id for id, known in self._live.items() if known.ended]
            for id in finished[: max(0, len(finished) - _KEEP_FINISHED)]:
                del self._live[id]
        return live

    def _run(self, assistant: Assistant, live: LiveTurn, visitor_id: str | None) -> None:
        try:
            live.add("turn", {"turn": live.turn.id})
            self._answer(assistant, live, visitor_id)
        except AppError as error:
            self._fail(live, error)
        except Exception:
            log.exception("turn %s failed", live.turn.id)
            self._fail(live, Unavailable("The answer could not be finished.", hint="Try again."))
        finally:
            self._free.release()

    def _answer(self, assistant: Assistant, live: LiveTurn, visitor_id: str | None) -> None:
        history, stopped = self._history(live.turn), live.stopping.is_set
        steps = self._steps(assistant, live.turn.question, history, stopped, visitor_id=visitor_id)
        for step in steps:
            if isinstance(step, Outcome):
                self._finish(live, step, "stopped" if live.stopping.is_set() else "complete")
            elif isinstance(step, Evidence):
                live.add("sources", {"sources": _sources(step)})
            else:
                live.add("token", {"text": step})

    def _steps(
        self,
        assistant: Assistant,
        question: str,
        history: Sequence[Said],
        stopped: Callable[[], bool],
        *,
        visitor_id: str | None = None,
    ) -> Iterator[Evidence | str | Outcome]:
        return answer(
            assistant,
            question,
            retriever=self._retriever,
            voice=lambda: self._voices.voice(assistant.id, visitor_id),
            history=history,
            stopped=stopped,
            curated=self._curated,
        )

    def _history(self, turn: Turn) -> list[Said]:
        earlier = self._store.conversations.turns(turn.conversation_id)
        told = (t for t in earlier if t.seq < turn.seq and t.status in ("complete", "stopped"))
        return [_said(t) for t in told if t.reply]

    def _finish(self, live: LiveTurn, outcome: Outcome, status: str) -> None:
        # The log first: what a visitor has seen as done must never be missing from it.
        self._store.conversations.finish_turn(live.turn.id, outcome.as_answered(status))
        self._count_hit(live.turn.id, outcome)
        turn = self._store.conversations.turn(live.turn.id)
        if outcome.rows:  # an earlier answer told again: its pages may have changed since
            turn = as_they_stand(self._store.knowledge, [turn])[0]
        live.add("done", _done(turn, contact=outcome.signals.get("contact", "")), last=True)

    def _retold(self, turn: Turn) -> LiveTurn:
        live = LiveTurn(turn, retold=True)
        live.add("turn", {"turn": turn.id})
        if turn.status in {"failed", "interrupted", OPEN}:
            lost = Unavailable("This answer was interrupted.", hint="Ask again.")
            live.add("error", {"error": error_body(lost)}, last=True)
            return live
        live.add("token", {"text": turn.reply})
        present = as_they_stand(self._store.knowledge, [turn])[0]
        contact = self._store.assistants.by_id(turn.assistant_id).settings.contact
        live.add("done", _done(present, contact=contact), last=True)
        return live

    def _count_hit(self, turn_id: str, outcome: Outcome) -> None:
        given = outcome.signals.get("curated", {})
        if id := given.get("curated"):
            self._store.curated.record_hit(id, turn_id, given["score"])

    def _fail(self, live: LiveTurn, error: AppError) -> None:
        failed = Outcome(Reply(text=live.shown, label=""), None, [], None)
        try:
            self._store.conversations.finish_turn(live.turn.id, failed.as_answered("failed"))
        finally:
            # Even if the log cannot be written: no reader may wait for ever.
            live.add("error", {"error": error_body(error)}, last=True)


def error_body(error: AppError) -> dict[str, str]:
    """The one shape in which errors are told."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def _visitor(conversation: Conversation) -> str | None:
    """Whom a canary may try; None for staff, whose conversations have no token."""
    return conversation.visitor_id if conversation.token_hash else None


def _said(turn: Turn) -> Said:
    return Said(
        question=turn.question,
        reply=turn.reply,
        asked=str(turn.signals.get("asked") or ""),
        evidence=turn.evidence,
        citations=turn.citations,
        label=turn.label,
        kind=str(turn.signals.get("kind") or Kind.QUESTION),
        language=turn.signals.get("language"),
    )


def _sources(evidence: Evidence) -> list[dict[str, Any]]:
    pages = {s.passage.page_id: s.passage for s in evidence.sentences}
    return [{"title": p.title, "url": p.url or None} for p in pages.values()]


def _done(turn: Turn, *, contact: str) -> dict[str, Any]:
    return {
        "turn": turn.id,
        "label": turn.label,
        "reply": turn.reply,
        "citations": turn.citations,
        "adapter": turn.adapter,
        "status": turn.status,
        "timings": turn.timings,
    } | told_beside(turn, contact=contact)
