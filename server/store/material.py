"""What an assistant could learn from, as people see it: judged and written replies. Reads only.

The run has the last word on what is fit (`tuning.data.pairs`); this is what it chooses from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select

from server.store.database import Database, records
from server.store.tables import feedback, pages, passages, reviews, turns
from server.store.tuning_tables import examples

CORRECTED, APPROVED, VOICE = "corrected", "approved", "voice"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that a run may learn from.

    `origin`: corrected, approved or voice; `origin_id`: its review or example; `subject_id`: the
    turn or the example, by which a person keeps it out; `pages`: ids of the pages it was given.
    """

    origin: str
    origin_id: str
    subject_id: str
    question: str
    reply: str
    before: str
    actor: str
    conversation_id: str | None
    pages: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TopicPage:
    """A page of the content and how many passages it holds."""

    id: str
    title: str
    url: str
    passages: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A turn that nobody has judged; `pages`: what its evidence came from."""

    id: str
    conversation_id: str
    question: str
    disliked: bool
    pages: tuple[str, ...]


class Material:
    """Verbs that read material."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def replies(self, assistant_id: str) -> list[Reply]:
        """Corrections of tone, approved answers, and the owner's own examples; newest first."""
        with self._db.read() as connection:
            judged = connection.execute(_judged(assistant_id)).all()
            own = select(examples).where(examples.c.assistant_id == assistant_id)
            written = connection.execute(own).all()
        found = [_judged_reply(row) for row in judged] + [_written_reply(row) for row in written]
        return sorted(found, key=lambda reply: reply.created_at, reverse=True)

    def pages(self, assistant_id: str) -> list[TopicPage]:
        """The pages of the content, the longest first."""
        query = (
            select(
                pages.c.id,
                pages.c.title,
                pages.c.url,
                func.count(passages.c.seq).label("passages"),
            )
            .join(passages, passages.c.page_id == pages.c.id)
            .where(pages.c.assistant_id == assistant_id)
            .group_by(pages.c.id, pages.c.title, pages.c.url)
            .order_by(func.count(passages.c.seq).desc(), pages.c.id)
        )
        with self._db.read() as connection:
            return records(TopicPage, connection.execute(query).all())

    def pages_of(self, passage_ids: Sequence[str]) -> set[str]:
        """The pages that passages stand on."""
        query = select(passages.c.page_id).where(passages.c.id.in_(list(passage_ids)))
        with self._db.read() as connection:
            return set(connection.scalars(query))

    def waiting(self, assistant_id: str, *, limit: int = 300) -> list[Waiting]:
        """The newest answers from the content that nobody has judged."""
        newest = (
            select(feedback.c.value)
            .where(feedback.c.turn_id == turns.c.id)
            .order_by(feedback.c.seq.desc())
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(
                turns.c.id,
                turns.c.conversation_id,
                turns.c.question,
                newest.label("thumb"),
                turns.c.evidence,
            )
            .where(
                turns.c.assistant_id == assistant_id,
                turns.c.status == "complete",
                turns.c.label.in_(("supported", "uncertain")),
                ~exists().where(reviews.c.turn_id == turns.c.id),
            )
            .order_by(turns.c.seq.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [
            Waiting(r.id, r.conversation_id, r.question, r.thumb == "down", _pages(r.evidence))
            for r in rows
        ]


def _judged(assistant_id: str) -> Select[Any]:
    newest = select(func.max(reviews.c.seq)).group_by(reviews.c.turn_id)
    tone = and_(reviews.c.verdict == CORRECTED, reviews.c.fault == "tone")
    approved = and_(reviews.c.verdict == APPROVED, turns.c.label == "supported")
    return (
        select(
            reviews.c.id,
            reviews.c.verdict,
            reviews.c.reviewer,
            reviews.c.reply.label("corrected"),
            reviews.c.created_at,
            turns.c.id.label("turn_id"),
            turns.c.conversation_id,
            turns.c.question,
            turns.c.reply.label("said"),
            turns.c.evidence,
        )
        .join(turns, turns.c.id == reviews.c.turn_id)
        .where(
            reviews.c.assistant_id == assistant_id,
            reviews.c.seq.in_(newest),
            or_(tone, approved),
        )
    )


def _judged_reply(row: Any) -> Reply:
    corrected = row.verdict == CORRECTED
    return Reply(
        origin=row.verdict,
        origin_id=row.id,
        subject_id=row.turn_id,
        question=row.question,
        reply=row.corrected if corrected else row.said,
        before=row.said if corrected else "",
        actor=row.reviewer,
        conversation_id=row.conversation_id,
        pages=_pages(row.evidence),
        created_at=row.created_at,
    )


def _written_reply(row: Any) -> Reply:
    return Reply(
        origin=VOICE,
        origin_id=row.id,
        subject_id=row.id,
        question=row.question,
        reply=row.answer,
        before="",
        actor=row.origin,
        conversation_id=None,
        pages=(),
        created_at=row.created_at,
    )


def _pages(evidence: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(e["page"]) for e in evidence or () if e.get("page")))
