"""The worker's clock: counts what there is to learn from, and begins the runs that are due."""

from __future__ import annotations

import logging
from datetime import datetime

from server.errors import AppError, Conflict
from server.jobs import Jobs
from server.periodic import Periodic
from server.rollout.schedule import why_now
from server.runs import ask_for_run
from server.store import Store
from server.store.assistants import Assistant
from server.store.database import now
from tuning.config import TuningConfig
from tuning.meter import Meter, measure

log = logging.getLogger(__name__)

SCHEDULE = "schedule"
_LOOK_SECONDS = 15.0


class Clock(Periodic):
    """Looks at every assistant."""

    def __init__(self, store: Store, jobs: Jobs, *, seconds: float = _LOOK_SECONDS) -> None:
        super().__init__("clock", seconds, at_once=True)
        self._store = store
        self._jobs = jobs

    def look(self, at: datetime | None = None) -> None:
        """Look once; one that fails keeps no other waiting."""
        for assistant in self._store.assistants.all():
            try:
                count(self._store, assistant)
                begin_if_due(self._store, self._jobs, assistant, at=at or now())
            except Exception:
                log.exception("the clock of %s failed", assistant.key)


def count(store: Store, assistant: Assistant) -> None:
    """Read the meter again if the material has changed since; the console shows the row."""
    mark, known = store.meters.mark(assistant.id), store.meters.of(assistant.id)
    if known is None or known.mark != mark:
        meter = measure(store, assistant, TuningConfig())
        store.meters.put(assistant.id, mark, meter.as_dict())


def begin_if_due(store: Store, jobs: Jobs, assistant: Assistant, *, at: datetime) -> str:
    """Begin a run if the plan says so; return what came of it, empty if nothing was due."""
    plan = store.plans.of(assistant.id)
    if not plan.chosen.runs_by_itself:
        return ""
    known = store.meters.of(assistant.id)
    # New replies make a run only where there are enough in all; a schedule says why it did not.
    new = int(known.content["new"]) if known and known.content["ready"] else 0
    why = why_now(plan, new, at)
    if not why:
        return ""
    told = _begin(store, jobs, assistant, why)
    # Afterwards: killed in between, it looks again, and an open run is a Conflict, not a second.
    store.plans.handled(assistant.id, at, told)
    return told


def _begin(store: Store, jobs: Jobs, assistant: Assistant, why: str) -> str:
    ready: Meter = measure(store, assistant, TuningConfig())
    if not ready.ready:
        return f"No run began ({why}): {ready.sentence}"
    runs = store.runs.of_assistant(assistant.id)
    if not ready.new and runs and runs[0].status in ("passed", "refused"):
        return f"No run began ({why}): no reply came in since the last run."
    try:
        run = ask_for_run(store, jobs, assistant.id, actor=SCHEDULE)
    except Conflict as error:
        return f"No run began ({why}): {error}"
    except AppError as error:
        log.error("the run of %s could not be asked for: %s", assistant.key, error)
        return f"No run began ({why}): {error}"
    return f"Run {run.id} began by itself ({why})."
