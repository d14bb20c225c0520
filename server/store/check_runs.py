"""Runs over the question list: what was asked, what came of it, and under which state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update

from server.errors import Conflict, Invalid, NotFound
from server.store.checks import lock_list
from server.store.database import Database, new_id, now, record, records
from server.store.tables import check_runs, checks, curated, gates, pages, passages

OPEN_STATUSES = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The state under which a run answered; two runs that differ here need not agree.

    `content`: passages, curated answers and the gate fitted to them. `manner`: the settings that
    enter an answer. `adapter`: digest of the voice, None for the base model.
    """

    content: str
    manner: str
    prompt_version: str
    adapter: str | None


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One run over the list, or what is done of it.

    `status`: queued, running, done, failed, cancelled, interrupted. `results` hold a row for every
    question of the list as it was at the start: {"question", "expect", "passed": bool | None}, None
    until it was asked, then also "why", "reply", "label", "urls" and "ms".
    """

    seq: int
    id: str
    assistant_id: str
    status: str
    passed: int
    total: int
    content: str
    manner: str
    prompt_version: str
    adapter: str | None
    results: list[dict[str, Any]]
    requested_by: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def fingerprints(self) -> Fingerprints:
        return Fingerprints(self.content, self.manner, self.prompt_version, self.adapter)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def asked(self) -> int:
        return sum(row["passed"] is not None for row in self.results)

    @property
    def pass_rate(self) -> float | None:
        """From 0 to 1; None while nothing was asked."""
        return self.passed / self.total if self.total else None


_RUN = [check_runs.c[name] for name in CheckRun.__slots__]


class CheckRuns:
    """Verbs on runs over the question list."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def ask(self, assistant_id: str, *, requested_by: str) -> CheckRun:
        """Ask for a run; Conflict while another is open, Invalid if the list is empty."""
        with self._db.write() as connection:
            lock_list(connection, assistant_id)
            if not connection.scalar(
                select(func.count())
                .select_from(checks)
                .where(checks.c.assistant_id == assistant_id)
            ):
                raise Invalid("The question list is empty.", hint="Add a question first.")
            if connection.scalar(
                select(check_runs.c.id).where(
                    check_runs.c.assistant_id == assistant_id,
                    check_runs.c.status.in_(OPEN_STATUSES),
                )
            ):
                raise Conflict(
                    "A run over this list is under way.", hint="Wait for it, or cancel it."
                )
            run_id = new_id("chr")
            connection.execute(
                insert(check_runs).values(
                    id=run_id,
                    assistant_id=assistant_id,
                    status="queued",
                    passed=0,
                    total=0,
                    content="",
                    manner="",
                    prompt_version="",
                    adapter=None,
                    results=[],
                    requested_by=requested_by,
                    created_at=now(),
                )
            )
        return self.run(run_id)

    def begin(
        self, run_id: str, rows: Sequence[dict[str, Any]], fingerprints: Fingerprints
    ) -> None:
        """Freeze what a queued run asks, and the state it asks in; a begun one stays as it is."""
        self._set(
            check_runs.c.id == run_id,
            check_runs.c.status == "queued",
            status="running",
            total=len(rows),
            results=list(rows),
            content=fingerprints.content,
            manner=fingerprints.manner,
            prompt_version=fingerprints.prompt_version,
            adapter=fingerprints.adapter,
        )

    def record(self, run_id: str, rows: Sequence[dict[str, Any]]) -> None:
        """Keep the results so far of a running run."""
        self._set(
            check_runs.c.id == run_id,
            check_runs.c.status == "running",
            results=list(rows),
            passed=sum(row["passed"] is True for row in rows),
        )

    def end(self, run_id: str, status: str) -> CheckRun:
        """Close an open run; a closed one stays as it ended."""
        self._set(
            check_runs.c.id == run_id,
            check_runs.c.status.in_(OPEN_STATUSES),
            status=status,
            finished_at=now(),
        )
        return self.run(run_id)

    def run(self, run_id: str, *, assistant_id: str | None = None) -> CheckRun:
        query = select(*_RUN).where(check_runs.c.id == run_id)
        if assistant_id is not None:
            query = query.where(check_runs.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"There is no run {run_id[:64]!r} of a question list.")
        return record(CheckRun, row)

    def of_assistant(
        self, assistant_id: str, *, status: str | None = None, limit: int = 50
    ) -> list[CheckRun]:
        """Runs of an assistant, newest first."""
        query = select(*_RUN).where(check_runs.c.assistant_id == assistant_id)
        if status is not None:
            query = query.where(check_runs.c.status == status)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(check_runs.c.seq.desc()).limit(limit)).all()
        return records(CheckRun, rows)

    def before(self, run: CheckRun) -> CheckRun | None:
        """The finished run before a run."""
        query = select(*_RUN).where(
            check_runs.c.assistant_id == run.assistant_id,
            check_runs.c.status == "done",
            check_runs.c.seq < run.seq,
        )
        with self._db.read() as connection:
            row = connection.execute(query.order_by(check_runs.c.seq.desc()).limit(1)).first()
        return record(CheckRun, row) if row else None

    def all_open(self) -> list[CheckRun]:
        """The runs of all assistants that are queued or under way."""
        with self._db.read() as connection:
            query = select(*_RUN).where(check_runs.c.status.in_(OPEN_STATUSES))
            return records(CheckRun, connection.execute(query.order_by(check_runs.c.seq)).all())

    def content(self, assistant_id: str) -> str:
        """The fingerprint of what an assistant answers from, whatever the order it was read in."""
        with self._db.read() as connection:
            read = connection.execute(
                select(pages.c.url, passages.c.hash)
                .join(pages, pages.c.id == passages.c.page_id)
                .where(passages.c.assistant_id == assistant_id)
            ).all()
            written = connection.execute(
                select(
                    curated.c.question,
                    curated.c.variants,
                    curated.c.answer,
                    curated.c.url,
                    curated.c.status,
                ).where(curated.c.assistant_id == assistant_id)
            ).all()
            fitted = connection.scalar(
                select(gates.c.fitted)
                .where(gates.c.assistant_id == assistant_id)
                .order_by(gates.c.seq.desc())
                .limit(1)
            )
        told = (sorted(map(repr, read)), sorted(map(repr, written)), fitted)
        return blake2b(repr(told).encode("utf-8", "replace"), digest_size=16).hexdigest()

    def _set(self, *conditions: ColumnElement[bool], **values: Any) -> None:
        with self._db.write() as connection:
            connection.execute(update(check_runs).where(*conditions).values(**values))
