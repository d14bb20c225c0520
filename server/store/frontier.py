"""A crawl's frontier: which addresses of a reading are waiting, done, or failed and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update

from server.store.database import Database, record, records
from server.store.tables import visits


@dataclass(frozen=True, slots=True)
class Visit:
    """One address in one round of reading; `status`: waiting, done, unchanged, skipped, failed."""

    seq: int
    url: str
    depth: int
    status: str
    reason: str


_VISIT = [visits.c[name] for name in Visit.__slots__]


class Frontier:
    """Verbs on the visits of a source. A round is one reading of the source from start to end."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def next_round(self, source_id: str) -> int:
        """The number of the reading that begins now."""
        with self._db.read() as connection:
            last = connection.scalar(
                select(func.max(visits.c.round)).where(visits.c.source_id == source_id)
            )
        return (last or 0) + 1

    def add(
        self, source_id: str, round: int, urls: Sequence[str], *, depth: int, budget: int
    ) -> int:
        """Add addresses not met yet, while the round holds fewer than `budget`; return how many."""
        with self._db.write() as connection:
            met = set(
                connection.scalars(
                    select(visits.c.url).where(
                        visits.c.source_id == source_id, visits.c.round == round
                    )
                )
            )
            fresh = [u for u in dict.fromkeys(urls) if u not in met][: max(0, budget - len(met))]
            rows = [
                {
                    "source_id": source_id,
                    "round": round,
                    "url": url,
                    "depth": depth,
                    "status": "waiting",
                }
                for url in fresh
            ]
            if rows:
                connection.execute(insert(visits), rows)
        return len(rows)

    def addresses(self, source_id: str, round: int) -> set[str]:
        """All addresses that a round knows of."""
        query = select(visits.c.url).where(visits.c.source_id == source_id, visits.c.round == round)
        with self._db.read() as connection:
            return set(connection.scalars(query))

    def waiting(self, source_id: str, round: int, limit: int) -> list[Visit]:
        query = (
            select(*_VISIT)
            .where(
                visits.c.source_id == source_id,
                visits.c.round == round,
                visits.c.status == "waiting",
            )
            .order_by(visits.c.seq)
            .limit(limit)
        )
        with self._db.read() as connection:
            return records(Visit, connection.execute(query).all())

    def settle(self, seq: int, status: str, reason: str = "") -> None:
        """Say how a visit ended."""
        with self._db.write() as connection:
            connection.execute(
                update(visits).where(visits.c.seq == seq).values(status=status, reason=reason)
            )

    def tally(self, source_id: str, round: int) -> dict[str, int]:
        """How many visits of a round stand in each status."""
        query = (
            select(visits.c.status, func.count())
            .where(visits.c.source_id == source_id, visits.c.round == round)
            .group_by(visits.c.status)
        )
        with self._db.read() as connection:
            return {status: count for status, count in connection.execute(query).all()}

    def failures(self, source_id: str, round: int) -> list[Visit]:
        query = (
            select(*_VISIT)
            .where(
                visits.c.source_id == source_id,
                visits.c.round == round,
                visits.c.status.in_(["failed", "skipped"]),
            )
            .order_by(visits.c.seq)
        )
        with self._db.read() as connection:
            return [record(Visit, row) for row in connection.execute(query).all()]
