"""Reviewed turns: a verdict with its turn, who asked, and what they thought of the reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from server.store.conversations import Turn
from server.store.database import Database, record
from server.store.reviews import Review
from server.store.tables import conversations, feedback, reviews, turns

# Databases take some thousands of values in one question.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A turn with the verdict in force. `visitor_id` is a pseudonym, or a person of the team who
    tried something; `thumb`: the visitor's newest feedback, up, down or None, however often they
    pressed."""

    review: Review
    turn: Turn
    visitor_id: str
    thumb: str | None

    @property
    def asked_at(self) -> datetime:
        return self.turn.created_at


class ReviewedTurns:
    """Reads verdicts with their turns."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of_assistant(self, assistant_id: str) -> list[Reviewed]:
        """Every reviewed turn of an assistant, in the order of the verdicts in force."""
        newest = select(func.max(reviews.c.seq)).group_by(reviews.c.turn_id)
        query = (
            select(*(reviews.c[name] for name in Review.__slots__))
            .where(reviews.c.assistant_id == assistant_id, reviews.c.seq.in_(newest))
            .order_by(reviews.c.seq)
        )
        with self._db.read() as connection:
            found = [record(Review, row) for row in connection.execute(query).all()]
            read: list[Reviewed] = []
            for start in range(0, len(found), _AT_ONCE):
                read += _with_turns(connection, found[start : start + _AT_ONCE])
        return read


def _with_turns(connection: Connection, found: Sequence[Review]) -> list[Reviewed]:
    ids = [review.turn_id for review in found]
    columns = [turns.c[name] for name in Turn.__slots__]
    query = select(*columns).where(turns.c.id.in_(ids))
    own = {row.id: record(Turn, row) for row in connection.execute(query).all()}
    talks = select(conversations.c.id, conversations.c.visitor_id).where(
        conversations.c.id.in_({turn.conversation_id for turn in own.values()})
    )
    visitors = {row.id: row.visitor_id for row in connection.execute(talks)}
    pressed = (
        select(feedback.c.turn_id, feedback.c.value)
        .where(feedback.c.turn_id.in_(ids))
        .order_by(feedback.c.seq)
    )
    thumbs = {row.turn_id: row.value for row in connection.execute(pressed)}
    return [
        Reviewed(
            review=review,
            turn=own[review.turn_id],
            visitor_id=visitors[own[review.turn_id].conversation_id],
            thumb=thumbs.get(review.turn_id),
        )
        for review in found
    ]
