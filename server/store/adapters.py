"""Adapters, which of them is active, and what the serving process says it serves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, select

from server.errors import Conflict, NotFound
from server.store import activations
from server.store.activations import Activation as Activation
from server.store.database import Database, now, record, records
from server.store.runs import VOICE
from server.store.tuning_tables import adapters, servings


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

    @property
    def kind(self) -> str:
        """What its run learnt from: voice or grounding."""
        return str(self.manifest.get("config", {}).get("kind", VOICE))


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
        why: str = "",
        expected: str | None = None,
    ) -> Activation:
        """Make an adapter (None: the base) the one that answers, from the next turn on.

        `expected` is the id of the activation the caller saw ("" for none); Conflict, with who and
        when, if another came in between. None skips the check.
        """
        with self._db.write() as connection:
            return activations.add(
                connection,
                assistant_id,
                adapter_id,
                reason=reason,
                actor=actor,
                why=why,
                expected=expected,
            )

    def roll_back(
        self, assistant_id: str, *, actor: str, why: str = "", expected: str | None = None
    ) -> Activation:
        """Return to what was active before the present adapter was promoted (the base if nothing).

        A second roll back goes one further back; it never returns to what was rolled back from.
        `expected`: as in `activate`.
        """
        with self._db.write() as connection:
            activations.lock(connection, assistant_id)
            made = activations.history(connection, assistant_id)
            current = made[0] if made else None
            activations.check_unchanged(current, expected)
            if current is None or current.adapter_id is None:
                raise Conflict(
                    "The base model is active; there is nothing to roll back.",
                    hint="See the adapters: parlance adapters list KEY",
                )
            return activations.add(
                connection,
                assistant_id,
                activations.before(made),
                reason=activations.ROLLED_BACK,
                actor=actor,
                why=why,
            )

    def way_back(self, assistant_id: str) -> Adapter | None:
        """What rolling back would return to; None for the base model or where nothing is active."""
        earlier = activations.before(self.activations(assistant_id))
        return self.adapter(earlier) if earlier else None

    def activations(self, assistant_id: str) -> list[Activation]:
        """The history of what answered, newest first."""
        with self._db.read() as connection:
            return activations.history(connection, assistant_id)

    def active(self, assistant_id: str) -> tuple[Activation | None, Adapter | None]:
        """The activation in force and its adapter; (None, None) before the first promotion."""
        with self._db.read() as connection:
            newest = activations.latest(connection, assistant_id)
        if newest is None or newest.adapter_id is None:
            return newest, None
        return newest, self.adapter(newest.adapter_id)

    def in_force(self) -> dict[str, Activation]:
        """The newest activation of every assistant that has one."""
        with self._db.read() as connection:
            return activations.in_force(connection)

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
