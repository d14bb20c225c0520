"""Tuning runs: asked for, under way, ended; with progress, configuration and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from server.errors import Conflict, NotFound
from server.store.activations import lock
from server.store.database import Database, new_id, now, record, records
from server.store.tuning_tables import runs

OPEN_STATUSES = ("queued", "running")
# What a run learns from: replies of people, or the owner's content alone.
VOICE, GROUNDING = "voice", "grounding"


@dataclass(frozen=True, slots=True)
class Run:
    """One tuning run.

    `status`: queued, running, passed, refused, failed, cancelled.
    `stage`: pairs, train, merge, evaluate, gate. `progress`: {"done", "total", "note", "seconds",
    "left", "curve"}: seconds since the stage began, those left where the stage knows, and the loss
    curve [{"step", "loss", "eval_loss"}].
    """

    seq: int
    id: str
    assistant_id: str
    workflow_id: str | None
    status: str
    stage: str
    progress: dict[str, Any]
    config: dict[str, Any]
    metrics: dict[str, Any]
    error: str
    requested_by: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def kind(self) -> str:
        """voice or grounding."""
        return str(self.config.get("kind", VOICE))


_RUN = [runs.c[name] for name in Run.__slots__]


class Runs:
    """Verbs on runs."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def ask(self, assistant_id: str, *, config: dict[str, Any], requested_by: str) -> Run:
        """Ask for a run; Conflict if one of this assistant is still open."""
        with self._db.write() as connection:
            lock(connection, assistant_id)
            open_run = connection.execute(
                select(runs.c.id).where(
                    runs.c.assistant_id == assistant_id, runs.c.status.in_(OPEN_STATUSES)
                )
            ).scalar()
            if open_run:
                raise Conflict(
                    f"Run {open_run} of this assistant is still under way.",
                    hint="Wait for it, or cancel it.",
                )
            run_id = new_id("run")
            connection.execute(
                insert(runs).values(
                    id=run_id,
                    assistant_id=assistant_id,
                    status="queued",
                    progress={},
                    config=config,
                    metrics={},
                    requested_by=requested_by,
                    created_at=now(),
                )
            )
        return self.run(run_id)

    def run(self, run_id: str) -> Run:
        with self._db.read() as connection:
            row = connection.execute(select(*_RUN).where(runs.c.id == run_id)).first()
        if row is None:
            raise NotFound(f"There is no run {run_id[:64]!r}.")
        return record(Run, row)

    def of_assistant(self, assistant_id: str) -> list[Run]:
        """Runs of an assistant, newest first."""
        query = select(*_RUN).where(runs.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            return records(Run, connection.execute(query.order_by(runs.c.seq.desc())).all())

    def is_any_open(self) -> bool:
        """Whether a run of any assistant is queued or under way."""
        query = select(runs.c.id).where(runs.c.status.in_(OPEN_STATUSES)).limit(1)
        with self._db.read() as connection:
            return connection.scalar(query) is not None

    def note(self, run_id: str, **values: Any) -> None:
        """Change workflow_id, status, stage, progress, config, metrics or error of an open run."""
        with self._db.write() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.id == run_id, runs.c.status.in_(OPEN_STATUSES))
                .values(**values)
            )

    def end(self, run_id: str, status: str, *, error: str = "", metrics: Any = None) -> None:
        """Close a run; one that is closed already stays as it ended."""
        values: dict[str, Any] = {"status": status, "error": error, "finished_at": now()}
        if metrics is not None:
            values["metrics"] = metrics
        self.note(run_id, **values)
