"""Asking for a tuning run and calling it off: a row, and work queued by the workflow's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.errors import Conflict
from server.jobs import TUNING_QUEUE, Jobs
from server.store import Store
from server.store.database import new_id
from server.store.runs import Run

# Under this name the tuning worker defines its workflow; nothing here imports it.
WORKFLOW = "tune"


def ask_for_run(
    store: Store,
    jobs: Jobs,
    assistant_id: str,
    *,
    actor: str,
    config: Mapping[str, Any] | None = None,
) -> Run:
    """Ask the tuning worker for a run; Conflict if one of this assistant is still open.

    `config`: values of the run that differ from the defaults, such as {"method": "sft"}.
    """
    run = store.runs.ask(assistant_id, config=dict(config or {}), requested_by=actor)
    workflow_id = new_id("wfl")
    store.runs.note(run.id, workflow_id=workflow_id)
    try:
        jobs.enqueue(TUNING_QUEUE, WORKFLOW, run.id, workflow_id=workflow_id)
    except Exception:
        # An open run that nobody works on would keep every other one away.
        store.runs.end(run.id, "failed", error="It could not be queued; try again.")
        raise
    store.audit.add(actor, "run.ask", run.id)
    return store.runs.run(run.id)


def cancel_run(store: Store, run_id: str, *, actor: str) -> Run:
    """Stop a run. A closed run is a Conflict.

    Its workflow is not called off: it sees the row, ends its stage and clears up behind it, also
    where the worker was off meanwhile. A workflow that is called off may begin no step for that.
    """
    run = store.runs.run(run_id)
    if run.finished_at is not None:
        raise Conflict(f"Run {run.id} has ended already.")
    store.runs.end(run.id, "cancelled")
    store.audit.add(actor, "run.cancel", run.id)
    return store.runs.run(run.id)
