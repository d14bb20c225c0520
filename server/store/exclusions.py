"""Exclusions: replies that a person keeps out of the datasets to come, and takes back in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from server.errors import Invalid, NotFound
from server.store.database import Database, now, record, records
from server.store.tables import audit, reviews
from server.store.tuning_tables import examples, exclusions

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A person's word on one reply. `subject_id`: the turn of a reviewed reply, or the example;
    so a later verdict on the same turn stays out too, until it is taken back in."""

    seq: int
    assistant_id: str
    subject_id: str
    origin_id: str
    excluded: bool
    reason: str
    actor: str
    created_at: datetime


_EXCLUSION = [exclusions.c[name] for name in Exclusion.__slots__]


class Exclusions:
    """Verbs on exclusions; rows are only added, each with a line in the audit trail."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def exclude(self, assistant_id: str, origin_id: str, *, reason: str, actor: str) -> Exclusion:
        """Keep a reply out of the next datasets. `origin_id`: its review or example."""
        told = " ".join(reason.split())
        if not told or len(told) > _LONGEST_REASON:
            raise Invalid(
                f"Say in 1 to {_LONGEST_REASON} characters why this reply is left out.",
                hint="Whoever reads the dataset's card wants to know.",
            )
        return self._add(assistant_id, origin_id, excluded=True, reason=told, actor=actor)

    def include(self, assistant_id: str, origin_id: str, *, actor: str) -> Exclusion:
        """Take a reply back in."""
        return self._add(assistant_id, origin_id, excluded=False, reason="", actor=actor)

    def reasons(self, assistant_id: str) -> dict[str, str]:
        """What is kept out now, by subject (a turn or an example), and why."""
        return {id: one.reason for id, one in self.in_force(assistant_id).items()}

    def in_force(self, assistant_id: str) -> dict[str, Exclusion]:
        """What is kept out now, by subject."""
        newest = (
            select(func.max(exclusions.c.seq))
            .where(exclusions.c.assistant_id == assistant_id)
            .group_by(exclusions.c.subject_id)
        )
        query = select(*_EXCLUSION).where(exclusions.c.seq.in_(newest), exclusions.c.excluded)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(exclusions.c.seq)).all()
        return {found.subject_id: found for found in records(Exclusion, rows)}

    def _add(
        self, assistant_id: str, origin_id: str, *, excluded: bool, reason: str, actor: str
    ) -> Exclusion:
        with self._db.write() as connection:
            subject = _subject(connection, assistant_id, origin_id)
            seq = connection.execute(
                insert(exclusions)
                .values(
                    assistant_id=assistant_id,
                    subject_id=subject,
                    origin_id=origin_id,
                    excluded=excluded,
                    reason=reason,
                    actor=actor,
                    created_at=now(),
                )
                .returning(exclusions.c.seq)
            ).scalar_one()
            connection.execute(
                insert(audit).values(
                    actor=actor,
                    action="pair.exclude" if excluded else "pair.include",
                    subject=origin_id,
                    detail={"reason": reason} if excluded else {},
                    created_at=now(),
                )
            )
            row = connection.execute(select(*_EXCLUSION).where(exclusions.c.seq == seq)).one()
        return record(Exclusion, row)


def _subject(connection: Connection, assistant_id: str, origin_id: str) -> str:
    """What an origin is about; NotFound if it is none of this assistant's."""
    review = select(reviews.c.turn_id).where(
        reviews.c.id == origin_id, reviews.c.assistant_id == assistant_id
    )
    example = select(examples.c.id).where(
        examples.c.id == origin_id, examples.c.assistant_id == assistant_id
    )
    found = connection.scalar(review) or connection.scalar(example)
    if found is None:
        raise NotFound(
            "There is no such reply to learn from.", hint="Name a review or an example by its id."
        )
    return str(found)
