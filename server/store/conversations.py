"""The conversation log: append-only turns with everything that went into an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.errors import Conflict, NotFound
from server.store.database import Database, first_day, new_id, now, record, records
from server.store.learn_tables import asked, cited
from server.store.tables import conversations, feedback, reviews, turns
from server.store.topics import DISLIKED, WRONG

OPEN = "streaming"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One visitor's thread with one assistant."""

    id: str
    assistant_id: str
    visitor_id: str
    token_hash: str
    page_url: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer. `evidence`, `messages`, `citations`: as they were at the time.

    `status`: streaming, complete, stopped, failed, interrupted.
    `label`: supported, uncertain, refused, curated, handed_over; empty while streaming.
    `timings` are milliseconds; `signals`: what the gate saw and decided.
    `adapter` is the digest of the merged adapter, None for the base.
    """

    seq: int
    id: str
    assistant_id: str
    conversation_id: str
    idempotency_key: str | None
    question: str
    status: str
    label: str
    evidence: list[dict[str, Any]]
    prompt_version: str
    messages: list[dict[str, str]]
    draft: str
    reply: str
    citations: list[dict[str, Any]]
    adapter: str | None
    timings: dict[str, float]
    signals: dict[str, Any]
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What a finished turn is stored with."""

    status: str
    label: str
    reply: str
    draft: str
    evidence: list[dict[str, Any]]
    citations: list[dict[str, Any]]
    prompt_version: str
    messages: list[dict[str, str]]
    adapter: str | None
    timings: dict[str, float]
    signals: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which conversations to list; None means any."""

    label: str | None = None
    feedback: str | None = None
    verdict: str | None = None
    text: str | None = None
    # A topic or gap; a page or source that was cited; `bad`: "any" (no answer was given) or
    # "judged" (a person found it wrong or disliked it); days back, today among them.
    topic: str | None = None
    gap: str | None = None
    page: str | None = None
    source: str | None = None
    bad: str | None = None
    days: int | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation in a list: its first question, how long it is, what became of it."""

    seq: int
    id: str
    created_at: datetime
    page_url: str
    question: str
    turns: int
    labels: str
    reviewed: int
    thumbs_down: int


_CONVERSATION = [conversations.c[name] for name in Conversation.__slots__]
_TURN = [turns.c[name] for name in Turn.__slots__]


class Conversations:
    """Verbs on conversations and turns."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def start(
        self, assistant_id: str, *, visitor_id: str, token_hash: str, page_url: str
    ) -> Conversation:
        row = {
            "id": new_id("cnv"),
            "assistant_id": assistant_id,
            "visitor_id": visitor_id,
            "token_hash": token_hash,
            "page_url": page_url[:2000],
            "created_at": now(),
        }
        with self._db.write() as connection:
            connection.execute(insert(conversations).values(**row))
        return Conversation(**row)  # type: ignore[arg-type]

    def get(self, assistant_id: str, conversation_id: str) -> Conversation:
        query = select(*_CONVERSATION).where(
            conversations.c.id == conversation_id, conversations.c.assistant_id == assistant_id
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound("There is no such conversation.", hint="Start a new one.")
        return record(Conversation, row)

    def open_turn(
        self, conversation: Conversation, question: str, *, idempotency_key: str | None
    ) -> tuple[Turn, bool]:
        """Log a question; (turn, True), or (the earlier turn, False) if the key was used before."""
        row: dict[str, Any] = {
            "id": new_id("trn"),
            "assistant_id": conversation.assistant_id,
            "conversation_id": conversation.id,
            "idempotency_key": idempotency_key,
            "question": question,
            "status": OPEN,
            "evidence": [],
            "messages": [],
            "citations": [],
            "timings": {},
            "signals": {},
            "created_at": now(),
        }
        try:
            with self._db.write() as connection:
                connection.execute(insert(turns).values(**row))
        except IntegrityError:
            earlier = self.earlier_turn(conversation, question, idempotency_key)
            if earlier is None:
                raise
            return earlier, False
        return self.turn(str(row["id"])), True

    def earlier_turn(
        self, conversation: Conversation, question: str, idempotency_key: str | None
    ) -> Turn | None:
        """The turn that was opened with this key; Conflict if it asked something else."""
        if idempotency_key is None:
            return None
        query = select(*_TURN).where(
            turns.c.conversation_id == conversation.id,
            turns.c.idempotency_key == idempotency_key,
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is not None and row.question != question:
            raise Conflict(
                "That Idempotency-Key was used for another question.", hint="Use a new key."
            )
        return record(Turn, row) if row else None

    def finish_turn(self, turn_id: str, answered: Answered) -> None:
        """Write the answer of an open turn; a finished one is left as it is."""
        values = {name: getattr(answered, name) for name in Answered.__slots__}
        with self._db.write() as connection:
            connection.execute(
                update(turns)
                .where(turns.c.id == turn_id, turns.c.status == OPEN)
                .values(**values, finished_at=now())
            )

    def interrupt_open_turns(self) -> int:
        """At start-up: turns that a killed process left open can no longer finish."""
        with self._db.write() as connection:
            return connection.execute(
                update(turns)
                .where(turns.c.status == OPEN)
                .values(status="interrupted", finished_at=now())
            ).rowcount

    def turn(self, turn_id: str, *, assistant_id: str | None = None) -> Turn:
        query = select(*_TURN).where(turns.c.id == turn_id)
        if assistant_id is not None:
            query = query.where(turns.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound("There is no such turn.")
        return record(Turn, row)

    def turns(self, conversation_id: str) -> list[Turn]:
        query = select(*_TURN).where(turns.c.conversation_id == conversation_id)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(turns.c.seq)).all()
        return records(Turn, rows)

    def all_turns(self, assistant_id: str, *, after: int = 0, limit: int = 1000) -> list[Turn]:
        """Turns of an assistant in order, a page at a time (`after` is the last seq seen)."""
        query = select(*_TURN).where(turns.c.assistant_id == assistant_id, turns.c.seq > after)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(turns.c.seq).limit(limit)).all()
        return records(Turn, rows)

    def newest_turns(self, assistant_id: str, *, limit: int) -> list[Turn]:
        """The newest finished turns of an assistant, newest first."""
        query = select(*_TURN).where(
            turns.c.assistant_id == assistant_id, turns.c.status == "complete"
        )
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(turns.c.seq.desc()).limit(limit)).all()
        return records(Turn, rows)

    def give_feedback(self, turn_id: str, value: str | None) -> None:
        with self._db.write() as connection:
            connection.execute(
                insert(feedback).values(turn_id=turn_id, value=value, created_at=now())
            )

    def feedback(self, turn_ids: list[str]) -> dict[str, str | None]:
        """The newest feedback of each turn."""
        query = (
            select(feedback.c.turn_id, feedback.c.value)
            .where(feedback.c.turn_id.in_(turn_ids))
            .order_by(feedback.c.seq)
        )
        with self._db.read() as connection:
            return {row.turn_id: row.value for row in connection.execute(query).all()}

    def list(self, assistant_id: str, chosen: Filter) -> list[Listed]:
        """Conversations that hold a turn matching the filter, newest first."""
        query = _listing(assistant_id)
        for condition in (*_conditions(chosen), *_learnt(assistant_id, chosen)):
            query = query.where(condition)
        if chosen.before is not None:
            query = query.where(conversations.c.seq < chosen.before)
        query = query.order_by(conversations.c.seq.desc()).limit(chosen.limit)
        with self._db.read() as connection:
            return records(Listed, connection.execute(query).all())


def _listing(assistant_id: str) -> Select[Any]:
    own = turns.c.conversation_id == conversations.c.id
    first = select(turns.c.question).where(own).order_by(turns.c.seq).limit(1)
    count = select(func.count()).select_from(turns).where(own)
    labels = select(func.aggregate_strings(turns.c.label, ",")).where(own)
    reviewed = select(func.count(func.distinct(reviews.c.turn_id))).where(
        reviews.c.turn_id == turns.c.id, own
    )
    down = select(func.count()).where(
        feedback.c.turn_id == turns.c.id, own, feedback.c.value == "down"
    )
    return select(
        conversations.c.seq,
        conversations.c.id,
        conversations.c.created_at,
        conversations.c.page_url,
        func.coalesce(first.scalar_subquery(), "").label("question"),
        count.scalar_subquery().label("turns"),
        func.coalesce(labels.scalar_subquery(), "").label("labels"),
        reviewed.scalar_subquery().label("reviewed"),
        down.scalar_subquery().label("thumbs_down"),
    ).where(conversations.c.assistant_id == assistant_id, exists().where(own))


def _conditions(chosen: Filter) -> list[Any]:
    own = turns.c.conversation_id == conversations.c.id
    found: list[Any] = []
    if chosen.label:
        found.append(exists().where(and_(own, turns.c.label == chosen.label)))
    if chosen.text:
        needle = f"%{_escaped(chosen.text)}%"
        matches = turns.c.question.ilike(needle, escape="\\") | turns.c.reply.ilike(
            needle, escape="\\"
        )
        found.append(exists().where(and_(own, matches)))
    if chosen.feedback:
        liked = and_(own, feedback.c.turn_id == turns.c.id, feedback.c.value == chosen.feedback)
        found.append(exists().where(liked))
    if chosen.verdict == "none":
        found.append(~exists().where(and_(own, reviews.c.turn_id == turns.c.id)))
    elif chosen.verdict:
        judged = and_(own, reviews.c.turn_id == turns.c.id, reviews.c.verdict == chosen.verdict)
        found.append(exists().where(judged))
    return found


def _learnt(assistant_id: str, chosen: Filter) -> list[Any]:
    """One turn of the conversation has to meet all of these, as the Learn page counts it."""
    wanted: list[Any] = []
    if chosen.topic:
        wanted.append(asked.c.topic_id == chosen.topic)
    if chosen.gap:
        wanted.append(asked.c.gap_id == chosen.gap)
    if chosen.bad == "judged":
        wanted.append(asked.c.bad.in_((WRONG, DISLIKED)))
    elif chosen.bad:
        wanted.append(asked.c.bad != "")
    if chosen.page or chosen.source:
        place = (
            cited.c.page_id == chosen.page if chosen.page else cited.c.source_id == chosen.source
        )
        wanted.append(asked.c.turn_id.in_(select(cited.c.turn_id).where(place)))
    if wanted and chosen.days:
        wanted.append(asked.c.day >= first_day(chosen.days))
    if not wanted:
        return []
    # A list of ids, not a look at every conversation: topics hold few of very many.
    own = asked.c.assistant_id == assistant_id
    return [conversations.c.id.in_(select(asked.c.conversation_id).where(own, *wanted))]


def _escaped(needle: str) -> str:
    return needle.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
