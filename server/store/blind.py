"""Blind comparisons: which of two answers a person preferred, not knowing which was which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from server.errors import Invalid
from server.store.database import Database, now, records
from server.store.rollout_tables import blind_choices

BEFORE, AFTER, SAME = "before", "after", "same"


@dataclass(frozen=True, slots=True)
class BlindChoice:
    """`sample`: the number of the adapter's question; `choice`: before, after or same."""

    seq: int
    adapter_id: str
    sample: int
    person: str
    choice: str
    created_at: datetime


_CHOICE = [blind_choices.c[name] for name in BlindChoice.__slots__]


class Blind:
    """Verbs on blind comparisons."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def choose(
        self, assistant_id: str, adapter_id: str, sample: int, *, person: str, choice: str
    ) -> None:
        """Record a choice. The newest of a person on a question counts; earlier ones stay."""
        if choice not in (BEFORE, AFTER, SAME):
            raise Invalid(f"{choice[:20]!r} is no choice.", hint="Choose one answer, or neither.")
        with self._db.write() as connection:
            connection.execute(
                insert(blind_choices).values(
                    assistant_id=assistant_id,
                    adapter_id=adapter_id,
                    sample=sample,
                    person=person,
                    choice=choice,
                    created_at=now(),
                )
            )

    def in_force(self, adapter_id: str) -> list[BlindChoice]:
        """The newest choice of each person on each question."""
        query = select(*_CHOICE).where(blind_choices.c.adapter_id == adapter_id)
        with self._db.read() as connection:
            made = records(
                BlindChoice, connection.execute(query.order_by(blind_choices.c.seq)).all()
            )
        return list({(one.person, one.sample): one for one in made}.values())
