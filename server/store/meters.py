"""Meters: what the tuning worker counted about an assistant's material. The newest count only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import delete, func, insert, select

from server.store.database import Database, now, record
from server.store.rollout_tables import meters
from server.store.tables import passages, reviews, turns
from server.store.tuning_tables import examples, exclusions, runs


@dataclass(frozen=True, slots=True)
class Meter:
    """`mark`: the state of the material it was counted at; `content`: as the worker wrote it."""

    assistant_id: str
    mark: str
    content: dict[str, Any]
    created_at: datetime


_TURNS_A_COUNT = 20

_METER = [meters.c[name] for name in Meter.__slots__]


class Meters:
    """Verbs on meters."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, assistant_id: str) -> Meter | None:
        query = select(*_METER).where(meters.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return record(Meter, row) if row else None

    def put(self, assistant_id: str, mark: str, content: dict[str, Any]) -> None:
        """Replace what was counted before."""
        with self._db.write() as connection:
            connection.execute(delete(meters).where(meters.c.assistant_id == assistant_id))
            connection.execute(
                insert(meters).values(
                    assistant_id=assistant_id, mark=mark, content=content, created_at=now()
                )
            )

    def mark(self, assistant_id: str) -> str:
        """A fingerprint of all that a count depends on; cheap, so that anybody may look often."""
        with self._db.read() as connection:
            seen: list[Any] = []
            for table in (reviews, examples, exclusions, passages, runs):
                own = table.c.assistant_id == assistant_id
                query = select(func.count(), func.max(table.c.seq)).where(own)
                seen += connection.execute(query).one()
            asked = select(func.count()).where(turns.c.assistant_id == assistant_id)
            # Turns only change which answers to judge next: not worth counting after each of them.
            seen.append((connection.scalar(asked) or 0) // _TURNS_A_COUNT)
        return blake2b(repr(seen).encode("utf-8", "replace"), digest_size=16).hexdigest()
