"""Durable work: workflows whose steps are checkpointed, so a killed process goes on where it was.

Ingestion and tuning are DBOS workflows. Work is queued by the workflow's name, so the process that
asks need not hold the code that runs it: `server` never imports `tuning`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence

from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions
from dbos import error as dbos_error

from server.config import Settings

INGEST_QUEUE = "ingest"
TUNING_QUEUE = "tuning"
# Apart from reading: a list that somebody waits for must not stand behind a long crawl.
CHECKS_QUEUE = "checks"

_APPLICATION = "parlance"
# Fixed by hand: DBOS would hash the code, and an upgrade would strand work queued before it.
_VERSION = "1"
_POLL_SECONDS = 0.3
_WAITING = frozenset({"ENQUEUED", "DELAYED", "PENDING"})


def migrate(settings: Settings) -> None:
    """Create the job system's own tables (idempotent); before any work is asked for."""
    logging.getLogger("dbos").setLevel(logging.WARNING)
    DBOS.migrate(settings.jobs_database)


def launch(settings: Settings, *, executor: str, queues: Sequence[str]) -> None:
    """Take up this process's unfinished workflows and listen to its queues.

    `executor` names the process ("web", "tuning"): it recovers its own work and nobody else's.
    Import the modules that define the workflows first.
    """
    logging.getLogger("dbos").setLevel(logging.WARNING)
    config = DBOSConfig(
        name=_APPLICATION,
        system_database_url=settings.jobs_database,
        application_version=_VERSION,
        executor_id=executor,
        console_log_level="WARNING",
        enable_otlp=False,
    )
    DBOS(config=config)
    DBOS.listen_queues(list(queues))
    DBOS.launch()
    for queue in queues:
        # One at a time: both kinds of work want all cores.
        DBOS.register_queue(
            queue,
            worker_concurrency=1,
            polling_interval_sec=_POLL_SECONDS,
            on_conflict="always_update",
        )


def shut_down() -> None:
    """Stop listening. Running workflows are taken up again at the next launch."""
    DBOS.destroy(workflow_completion_timeout_sec=0)


class Jobs:
    """Ask for durable work and look after it, from any process."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.jobs_database

    def enqueue(self, queue: str, workflow: str, *args: str, workflow_id: str) -> None:
        """Queue a workflow by name; a second call with the same id changes nothing."""
        options: EnqueueOptions = {
            "workflow_name": workflow,
            "queue_name": queue,
            "workflow_id": workflow_id,
            "app_version": _VERSION,
        }
        with self._client() as client:
            client.enqueue(options, *args)

    def cancel(self, workflow_id: str) -> None:
        """Stop a workflow before its next step. Unknown or finished ones are left as they are."""
        with self._client() as client, contextlib.suppress(dbos_error.DBOSException):
            client.cancel_workflow(workflow_id)

    def status(self, workflow_id: str) -> str | None:
        """waiting, done, failed, cancelled; None if unknown."""
        with self._client() as client:
            found = client.list_workflows(workflow_ids=[workflow_id], load_input=False)
        if not found:
            return None
        if found[0].status in _WAITING:
            return "waiting"
        return {"SUCCESS": "done", "CANCELLED": "cancelled"}.get(found[0].status, "failed")

    @contextlib.contextmanager
    def _client(self) -> Iterator[DBOSClient]:
        # Opened for each call: asking for work is rare, and no connection outlives a fork.
        client = DBOSClient(system_database_url=self._url, application_name=_APPLICATION)
        try:
            yield client
        finally:
            client.destroy()
