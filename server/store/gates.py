"""Fitted refusal gates: the newest row of an assistant is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import insert, select

from server.store.database import Database, new_id, now, record
from server.store.tables import gates, passages


@dataclass(frozen=True, slots=True)
class FittedGate:
    """A gate as it was fitted; `content` is the fingerprint of what it was fitted to."""

    id: str
    content: str
    fitted: dict[str, Any]
    report: dict[str, Any]
    created_at: datetime


_GATE = [gates.c[name] for name in FittedGate.__slots__]


class Gates:
    """Verbs on fitted gates."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def latest(self, assistant_id: str) -> FittedGate | None:
        query = select(*_GATE).where(gates.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            row = connection.execute(query.order_by(gates.c.seq.desc()).limit(1)).first()
        return record(FittedGate, row) if row else None

    def put(
        self, assistant_id: str, content: str, fitted: dict[str, Any], report: dict[str, Any]
    ) -> None:
        values = {"content": content, "fitted": fitted, "report": report}
        with self._db.write() as connection:
            connection.execute(
                insert(gates).values(
                    id=new_id("gat"), assistant_id=assistant_id, created_at=now(), **values
                )
            )

    def content(self, assistant_id: str) -> str:
        """The fingerprint of an assistant's passages: it changes when any of them does."""
        query = select(passages.c.hash).where(passages.c.assistant_id == assistant_id)
        digest = blake2b(digest_size=16)
        with self._db.read() as connection:
            for hash in connection.scalars(query.order_by(passages.c.hash)):
                digest.update(hash.encode())
        return digest.hexdigest()
