"""Canaries: a candidate that answers a share of the visitors until it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update

from server.errors import Conflict, NotFound
from server.store import activations
from server.store.database import Database, new_id, now, record, records
from server.store.rollout_tables import canaries

RUNNING = "running"
PROMOTED, ROLLED_BACK, UNDECIDED, STOPPED = "promoted", "rolled back", "undecided", "stopped"
_STEPS = 2**32


@dataclass(frozen=True, slots=True)
class Canary:
    """A candidate beside what is active.

    `share`: of the visitors, from 0 to 1; `turns`: how many of the candidate's are enough;
    `ends_at`: the cap in time; `status`: running, promoted, rolled back, undecided, stopped;
    `figures`: the rows it was judged by; `served`: {"ok", "milliseconds", "error", "at"}, empty
    until the serving process has loaded it.
    """

    seq: int
    id: str
    assistant_id: str
    adapter_id: str
    activation_id: str | None
    share: float
    turns: int
    ends_at: datetime
    status: str
    reason: str
    figures: list[dict[str, Any]]
    served: dict[str, Any]
    actor: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_running(self) -> bool:
        return self.status == RUNNING

    def holds(self, visitor_id: str) -> bool:
        """Whether the candidate answers this visitor: the same for all of its turns.

        The canary's own id is hashed too, so that it is not always the same visitors who try.
        """
        digest = blake2b(f"{self.id}\0{visitor_id}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") < self.share * _STEPS


@dataclass(frozen=True, slots=True)
class Trial:
    """How long a canary goes on: a share of the visitors, enough turns, and a cap in days."""

    share: float
    turns: int
    days: int


_CANARY = [canaries.c[name] for name in Canary.__slots__]


class Canaries:
    """Verbs on canaries."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def start(
        self, assistant_id: str, adapter_id: str, trial: Trial, *, actor: str, expected: str | None
    ) -> Canary:
        """Let a candidate answer a share of the visitors from their next turn on.

        Conflict if one is under way, if it is active already, or if something else than `expected`
        (the id of the activation that the caller saw, "" for none) is active.
        """
        moment, row_id = now(), new_id("can")
        with self._db.write() as connection:
            activations.lock(connection, assistant_id)
            current = activations.latest(connection, assistant_id)
            activations.check_unchanged(current, expected)
            if current and current.adapter_id == adapter_id:
                raise Conflict(f"Adapter {adapter_id} answers everybody already.")
            rival = connection.execute(
                select(*_CANARY).where(_running(), canaries.c.assistant_id == assistant_id)
            ).first()
            if rival:
                at = rival.created_at
                raise Conflict(
                    f"{rival.actor} started a canary with {rival.adapter_id} on {at.day} "
                    f"{at:%B at %H:%M} UTC, and it is still under way.",
                    hint="Stop it first, or wait for its end.",
                )
            connection.execute(
                insert(canaries).values(
                    id=row_id,
                    assistant_id=assistant_id,
                    adapter_id=adapter_id,
                    activation_id=current.id if current else None,
                    share=trial.share,
                    turns=trial.turns,
                    ends_at=moment + timedelta(days=trial.days),
                    status=RUNNING,
                    reason="",
                    figures=[],
                    served={},
                    actor=actor,
                    created_at=moment,
                )
            )
        return self.canary(row_id)

    def canary(self, canary_id: str) -> Canary:
        with self._db.read() as connection:
            row = connection.execute(select(*_CANARY).where(canaries.c.id == canary_id)).first()
        if row is None:
            raise NotFound(f"There is no canary {canary_id[:64]!r}.")
        return record(Canary, row)

    def running(self) -> dict[str, Canary]:
        """The canary under way of each assistant that has one."""
        with self._db.read() as connection:
            found = connection.execute(select(*_CANARY).where(_running())).all()
        return {canary.assistant_id: canary for canary in records(Canary, found)}

    def of_assistant(self, assistant_id: str, *, limit: int = 20) -> list[Canary]:
        """Canaries of an assistant, newest first."""
        query = select(*_CANARY).where(canaries.c.assistant_id == assistant_id)
        query = query.order_by(canaries.c.seq.desc()).limit(limit)
        with self._db.read() as connection:
            return records(Canary, connection.execute(query).all())

    def note(self, canary_id: str, **values: Any) -> None:
        """Change `figures` or `served` of a canary under way."""
        with self._db.write() as connection:
            connection.execute(
                update(canaries).where(canaries.c.id == canary_id, _running()).values(**values)
            )

    def end(
        self, canary_id: str, status: str, *, reason: str, actor: str
    ) -> activations.Activation | None:
        """Close a canary; with status promoted the candidate becomes active in the same step.

        Conflict if it has ended already: of two that end it at once, one does.
        """
        canary = self.canary(canary_id)
        with self._db.write() as connection:
            activations.lock(connection, canary.assistant_id)
            closed = connection.execute(
                update(canaries)
                .where(canaries.c.id == canary_id, _running())
                .values(status=status, reason=reason, finished_at=now())
            ).rowcount
            if not closed:
                raise Conflict("This canary has ended already.", hint="Reload to see how.")
            if status != PROMOTED:
                return None
            return activations.add(
                connection,
                canary.assistant_id,
                canary.adapter_id,
                reason=activations.PROMOTED,
                actor=actor,
                why=reason,
                expected=canary.activation_id or "",
            )


def _running() -> ColumnElement[bool]:
    return canaries.c.status == RUNNING
