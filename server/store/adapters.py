"""Adapters, which of them is active, and what the serving process says it serves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select

from server.errors import Conflict, NotFound
from server.store.database import Database, new_id, now, record, records
from server.store.tables import activations, adapters, servings


@dataclass(frozen=True, slots=True)
class Adapter:
    """A tuned voice: a LoRA adapter and the merged model made from it.

    `digest`: sha256 of the merged GGUF; `path`: its folder, relative to the home folder;
    `report`: metrics, gate reasons and the probe replies as evaluated; `passed`: the gate's word.
    """

    seq: int
    id: str
    assistant_id: str
    run_id: str
    digest: str
    base_sha256: str
    prompt_version: str
    path: str
    manifest: dict[str, Any]
    report: dict[str, Any]
    passed: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Activation:
    """A moment at which an adapter (None: the base model) became the one that answers."""

    seq: int
    id: str
    assistant_id: str
    adapter_id: str | None
    reason: str
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Serving:
    """What the serving process loaded for an activation, and its replies to the probe set.

    `probes`: {"replies": [str], "equal": bool | None, "against": str}; equal says whether they
    are byte-equal to what that model answered before. `milliseconds`: from activation to serving.
    """

    seq: int
    assistant_id: str
    activation_id: str | None
    digest: str | None
    ok: bool
    probes: dict[str, Any]
    milliseconds: int
    error: str
    created_at: datetime


_ADAPTER = [adapters.c[name] for name in Adapter.__slots__]
_ACTIVATION = [activations.c[name] for name in Activation.__slots__]
_SERVING = [servings.c[name] for name in Serving.__slots__]


class Adapters:
    """Verbs on adapters and activations. Nothing is ever deleted by promoting or rolling back."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def register(self, adapter: Adapter) -> Adapter:
        """Store a finished candidate; once per run (`seq` is given by the database)."""
        values = {n: getattr(adapter, n) for n in Adapter.__slots__ if n != "seq"}
        with self._db.write() as connection:
            known = connection.execute(
                select(*_ADAPTER).where(adapters.c.run_id == adapter.run_id)
            ).first()
            if known is None:
                connection.execute(insert(adapters).values(**values))
        return self.of_run(adapter.run_id)

    def of_run(self, run_id: str) -> Adapter:
        return self._one(adapters.c.run_id == run_id, f"Run {run_id[:64]!r} made no adapter.")

    def adapter(self, adapter_id: str) -> Adapter:
        return self._one(adapters.c.id == adapter_id, f"There is no adapter {adapter_id[:64]!r}.")

    def of_assistant(self, assistant_id: str) -> list[Adapter]:
        """Adapters of an assistant, newest first."""
        query = select(*_ADAPTER).where(adapters.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            return records(Adapter, connection.execute(query.order_by(adapters.c.seq.desc())).all())

    def activate(
        self,
        assistant_id: str,
        adapter_id: str | None,
        *,
        reason: str,
        actor: str,
        expected: str | None = None,
    ) -> Activation:
        """Make an adapter (None: the base) the one that answers, from the next turn on.

        `expected` is the id of the activation the caller saw ("" for none); Conflict if another
        came in between. None skips the check.
        """
        with self._db.write() as connection:
            latest = _latest(connection, assistant_id)
            if expected is not None and (latest.id if latest else "") != expected:
                raise Conflict(
                    "Somebody else has promoted or rolled back in the meantime.",
                    hint="Reload to see what is active, then decide again.",
                )
            row_id = new_id("act")
            connection.execute(
                insert(activations).values(
                    id=row_id,
                    assistant_id=assistant_id,
                    adapter_id=adapter_id,
                    reason=reason,
                    actor=actor,
                    created_at=now(),
                )
            )
            row = connection.execute(select(*_ACTIVATION).where(activations.c.id == row_id)).one()
        return record(Activation, row)

    def roll_back(self, assistant_id: str, *, actor: str) -> Activation:
        """Return to what was active before the present adapter was promoted (the base if nothing).

        A second roll back goes one further back; it never returns to what was rolled back from.
        """
        history = self.activations(assistant_id)
        current = history[0].adapter_id if history else None
        if current is None:
            raise Conflict(
                "The base model is active; there is nothing to roll back.",
                hint="See the adapters: parlance adapters list KEY",
            )
        target = _before(history)
        return self.activate(
            assistant_id, target, reason="rolled back", actor=actor, expected=history[0].id
        )

    def activations(self, assistant_id: str) -> list[Activation]:
        """The history of what answered, newest first."""
        query = select(*_ACTIVATION).where(activations.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(activations.c.seq.desc())).all()
        return records(Activation, rows)

    def active(self, assistant_id: str) -> tuple[Activation | None, Adapter | None]:
        """The activation in force and its adapter; (None, None) before the first promotion."""
        with self._db.read() as connection:
            latest = _latest(connection, assistant_id)
        if latest is None or latest.adapter_id is None:
            return latest, None
        return latest, self.adapter(latest.adapter_id)

    def in_force(self) -> dict[str, Activation]:
        """The newest activation of every assistant that has one."""
        newest = select(func.max(activations.c.seq)).group_by(activations.c.assistant_id)
        query = select(*_ACTIVATION).where(activations.c.seq.in_(newest))
        with self._db.read() as connection:
            found = records(Activation, connection.execute(query).all())
        return {activation.assistant_id: activation for activation in found}

    def report_serving(
        self,
        assistant_id: str,
        *,
        activation_id: str | None,
        digest: str | None,
        ok: bool,
        probes: dict[str, Any],
        milliseconds: int,
        error: str = "",
    ) -> None:
        """Called by the serving process once it serves an activation, or could not."""
        with self._db.write() as connection:
            connection.execute(
                insert(servings).values(
                    assistant_id=assistant_id,
                    activation_id=activation_id,
                    digest=digest,
                    ok=ok,
                    probes=probes,
                    milliseconds=milliseconds,
                    error=error,
                    created_at=now(),
                )
            )

    def servings(self, assistant_id: str, *, limit: int = 50) -> list[Serving]:
        """What was served, newest first."""
        query = (
            select(*_SERVING)
            .where(servings.c.assistant_id == assistant_id)
            .order_by(servings.c.seq.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            return records(Serving, connection.execute(query).all())

    def _one(self, condition: ColumnElement[bool], otherwise: str) -> Adapter:
        with self._db.read() as connection:
            row = connection.execute(select(*_ADAPTER).where(condition)).first()
        if row is None:
            raise NotFound(otherwise, hint="List them: parlance adapters list KEY")
        return record(Adapter, row)


def _latest(connection: Connection, assistant_id: str) -> Activation | None:
    row = connection.execute(
        select(*_ACTIVATION)
        .where(activations.c.assistant_id == assistant_id)
        .order_by(activations.c.seq.desc())
        .limit(1)
    ).first()
    return record(Activation, row) if row else None


def _before(history: list[Activation]) -> str | None:
    """The adapter that stood before the present one was first promoted.

    Replays the history as a stack: a promotion pushes, a roll back pops.
    """
    stack: list[str | None] = [None]
    for activation in reversed(history):
        if activation.reason == "rolled back":
            stack = stack[:-1] or [None]
        else:
            stack.append(activation.adapter_id)
    return stack[-2] if len(stack) > 1 else None
