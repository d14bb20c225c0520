"""Numbers for the console: how much was asked, refused and judged. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select

from server.store.database import Database
from server.store.tables import conversations, reviews, turns

_ENDED = ("complete", "stopped")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one assistant: what happened since a moment, and what waits for a verdict by now."""

    conversations: int
    answered: int
    refused: int
    waiting: int

    @property
    def refused_share(self) -> float | None:
        """From 0 to 1; None while nothing was answered."""
        return self.refused / self.answered if self.answered else None


class Overview:
    """Verbs that count."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def numbers(self, assistant_id: str, *, since: datetime) -> Numbers:
        talks = _count(conversations).where(
            conversations.c.assistant_id == assistant_id, conversations.c.created_at >= since
        )
        answered = _count(turns).where(
            turns.c.assistant_id == assistant_id,
            turns.c.created_at >= since,
            turns.c.status.in_(_ENDED),
        )
        waiting = _count(turns).where(*_waiting(assistant_id))
        with self._db.read() as connection:
            return Numbers(
                conversations=connection.scalar(talks) or 0,
                answered=connection.scalar(answered) or 0,
                refused=connection.scalar(answered.where(turns.c.label == "refused")) or 0,
                waiting=connection.scalar(waiting) or 0,
            )

    def waiting(self, assistant_id: str) -> int:
        """How many finished turns nobody has judged."""
        with self._db.read() as connection:
            return connection.scalar(_count(turns).where(*_waiting(assistant_id))) or 0

    def approved_answers(self, assistant_id: str) -> int:
        """How many answers that their sources carry stand approved (by the newest verdict)."""
        newest = select(func.max(reviews.c.seq)).group_by(reviews.c.turn_id)
        query = (
            _count(reviews.join(turns, turns.c.id == reviews.c.turn_id))
            .where(reviews.c.assistant_id == assistant_id, reviews.c.seq.in_(newest))
            .where(reviews.c.verdict == "approved", turns.c.label == "supported")
        )
        with self._db.read() as connection:
            return connection.scalar(query) or 0

    def next_waiting(self, assistant_id: str, *, before: int | None) -> tuple[str, str] | None:
        """The newest turn that nobody has judged: (conversation, turn).

        `before`: the seq of the turn in hand; older ones come first, then it starts at the top.
        """
        query = select(turns.c.conversation_id, turns.c.id).where(*_waiting(assistant_id))
        query = query.order_by(turns.c.seq.desc()).limit(1)
        with self._db.read() as connection:
            row = None
            if before is not None:
                row = connection.execute(query.where(turns.c.seq < before)).first()
            row = row or connection.execute(query).first()
        return (row[0], row[1]) if row else None


def _count(table: Any) -> Select[int]:
    return select(func.count()).select_from(table)


def _waiting(assistant_id: str) -> tuple[Any, ...]:
    return (
        turns.c.assistant_id == assistant_id,
        turns.c.status.in_(_ENDED),
        ~exists().where(reviews.c.turn_id == turns.c.id),
    )
