"""What became of visitors' turns, as the judges of a new voice count it. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select

from server.store.database import Database, records
from server.store.tables import conversations, feedback, turns

_ENDED = ("complete", "stopped", "failed")


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """One ended turn of a visitor. `disliked`: the newest feedback on it is a thumb down."""

    seq: int
    id: str
    visitor_id: str
    adapter: str | None
    label: str
    status: str
    disliked: bool
    created_at: datetime


class Outcomes:
    """Verbs that read outcomes. What staff asked in the console or by command is left out."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def after(
        self, assistant_id: str, moment: datetime, *, until: datetime | None = None, limit: int
    ) -> list[TurnOutcome]:
        """The first turns after a moment, oldest first."""
        query = _ended(assistant_id).where(turns.c.created_at >= moment)
        if until is not None:
            query = query.where(turns.c.created_at < until)
        return self._read(query.order_by(turns.c.seq).limit(limit))

    def before(
        self, assistant_id: str, moment: datetime, *, since: datetime, limit: int
    ) -> list[TurnOutcome]:
        """The last turns before a moment, oldest first."""
        query = _ended(assistant_id).where(turns.c.created_at < moment)
        query = query.where(turns.c.created_at >= since)
        return self._read(query.order_by(turns.c.seq.desc()).limit(limit))[::-1]

    def _read(self, query: Select[Any]) -> list[TurnOutcome]:
        with self._db.read() as connection:
            found = records(TurnOutcome, connection.execute(query).all())
        return found


def _ended(assistant_id: str) -> Select[Any]:
    newest = (
        select(feedback.c.value)
        .where(feedback.c.turn_id == turns.c.id)
        .order_by(feedback.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            turns.c.seq,
            turns.c.id,
            conversations.c.visitor_id,
            turns.c.adapter,
            turns.c.label,
            turns.c.status,
            case((func.coalesce(newest, "") == "down", True), else_=False).label("disliked"),
            turns.c.created_at,
        )
        .join_from(turns, conversations, conversations.c.id == turns.c.conversation_id)
        .where(
            turns.c.assistant_id == assistant_id,
            turns.c.status.in_(_ENDED),
            # A visitor's conversation has a token of its own; staff's have none.
            conversations.c.token_hash != "",
        )
    )
