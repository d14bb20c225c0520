"""Who did what: one row per act of a person or of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from server.store.database import Database, now, records
from server.store.tables import audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One act, such as ("ada@example.org", "adapter.promote", "adp_x")."""

    seq: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    created_at: datetime


class AuditLog:
    """Verbs on the audit trail; it only grows."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, actor: str, action: str, subject: str, **detail: Any) -> None:
        with self._db.write() as connection:
            connection.execute(
                insert(audit).values(
                    actor=actor, action=action, subject=subject, detail=detail, created_at=now()
                )
            )

    def newest(self, *, limit: int = 100) -> list[Entry]:
        columns = [audit.c[name] for name in Entry.__slots__]
        query = select(*columns).order_by(audit.c.seq.desc()).limit(limit)
        with self._db.read() as connection:
            return records(Entry, connection.execute(query).all())
