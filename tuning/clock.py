"""The worker's clock: counts what there is to learn from, and begins the runs that are due."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime
from typing import Any

from server.errors import AppError, Conflict
from server.jobs import Jobs
from server.periodic import Periodic
from server.rollout.grounding import begins_now, standing_of
from server.rollout.schedule import why_now
from server.runs import ask_for_run
from server.store import Store
from server.store.assistants import Assistant
from server.store.database import now
from server.store.runs import GROUNDING, VOICE
from tuning.config import TuningConfig
from tuning.meter import Meter, measure
from tuning.readiness import content_readiness

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
                moment = at or now()
                count(self._store, assistant, at=moment)
                begin_if_due(self._store, self._jobs, assistant, at=moment)
                begin_grounding(self._store, self._jobs, assistant, at=moment)
            except Exception:
                log.exception("the clock of %s failed", assistant.key)


def count(store: Store, assistant: Assistant, *, at: datetime) -> None:
    """Read the meter again if the material has changed since; the console shows the row."""
    mark, known = store.meters.mark(assistant.id), store.meters.of(assistant.id)
    # A row without it was written before grounding runs were counted.
    if known is None or known.mark != mark or "grounding" not in known.content:
        meter = measure(store, assistant, TuningConfig()).as_dict()
        before = known.content.get("grounding") if known else None
        counted = _content(store, assistant, before or {}, at=at)
        store.meters.put(assistant.id, mark, meter | {"grounding": counted})


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


def begin_grounding(store: Store, jobs: Jobs, assistant: Assistant, *, at: datetime) -> str:
    """Begin a grounding run if the plan says so and the content has come to rest; what came of it,
    empty if nothing was due."""
    plan, standing = store.plans.of(assistant.id), standing_of(store, assistant.id)
    if standing is None or not begins_now(plan, standing, at) or store.runs.is_any_open():
        return ""
    chosen = {"kind": GROUNDING}
    run = ask_for_run(store, jobs, assistant.id, actor=SCHEDULE, config=chosen)
    told = f"Grounding run {run.id} began by itself (the content has settled)."
    store.plans.handled(assistant.id, at, told)
    return told


def _content(
    store: Store, assistant: Assistant, before: dict[str, Any], *, at: datetime
) -> dict[str, Any]:
    """What a grounding run could learn from, counted anew only where the content has changed."""
    mark = store.gates.content(assistant.id)
    if before.get("mark") == mark:
        return before
    found = content_readiness(store, assistant, TuningConfig())
    return asdict(found) | {"mark": mark, "since": at.isoformat()}


def _begin(store: Store, jobs: Jobs, assistant: Assistant, why: str) -> str:
    ready: Meter = measure(store, assistant, TuningConfig())
    if not ready.ready:
        return f"No run began ({why}): {ready.sentence}"
    runs = [run for run in store.runs.of_assistant(assistant.id) if run.kind == VOICE]
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
