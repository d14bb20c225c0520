"""Asking for a run and following it, from the command line."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from server import jobs
from server.config import Settings
from server.errors import AppError, Refused, Unavailable
from server.jobs import Jobs
from server.rollout.grounding import is_offered, standing_of
from server.runs import ask_for_run
from server.store import Store
from server.store.assistants import Assistant
from server.store.runs import GROUNDING, OPEN_STATUSES, Run
from tuning.config import TuningConfig
from tuning.readiness import ContentReadiness, Readiness, content_readiness, readiness

_POLL_SECONDS = 0.5
# Above the figures of `metrics`, under names of their own.
_ABOVE = ("pairs", "seconds", "peak_mb", "gate", "adapter")


def open_run(store: Store, assistant: Assistant) -> Run | None:
    """The run of an assistant that is queued or under way."""
    return next((r for r in store.runs.of_assistant(assistant.id) if _is_open(r)), None)


def ask(
    settings: Settings,
    store: Store,
    assistant: Assistant,
    *,
    actor: str,
    config: Mapping[str, Any] | None = None,
) -> Run:
    """Ask the worker for a run: a row and a queued workflow."""
    jobs.migrate(settings)
    return ask_for_run(store, Jobs(settings), assistant.id, actor=actor, config=config)


def check_ready(store: Store, assistant: Assistant, config: TuningConfig) -> None:
    """Refused, with what is missing, if there is too little for a run of this kind."""
    found: Readiness | ContentReadiness
    if config.kind == GROUNDING:
        found = content_readiness(store, assistant, config)
    else:
        found = readiness(store, assistant, config)
    if not found.ready:
        raise Refused(found.sentence)


def is_grounding_offered(store: Store, assistant: Assistant) -> bool:
    """Whether the console offers a grounding run; only once the worker has counted."""
    standing = standing_of(store, assistant.id)
    return standing is not None and is_offered(store.plans.of(assistant.id), standing)


def follow(store: Store, run_id: str, show: Callable[[str, float], None]) -> Run:
    """Wait for a run's end, showing its stages."""
    while _is_open(run := store.runs.run(run_id)):
        show(*_progress(run))
        time.sleep(_POLL_SECONDS)
    return run


def outcome(run: Run) -> dict[str, Any]:
    """A run as scripts read it; raises with the run's reason if it came to no candidate."""
    if run.status == "failed":
        raise AppError(run.error)
    if run.status == "cancelled":
        raise Unavailable(f"Run {run.id} was cancelled.")
    return told(run)


def told(run: Run) -> dict[str, Any]:
    """A run in whatever state, as one flat record with its metrics below."""
    found: dict[str, Any] = {
        "run": run.id,
        "status": run.status,
        "stage": run.stage,
        "progress": run.progress,
    }
    found |= {name: run.metrics.get(name) for name in _ABOVE}
    found["metrics"] = {n: v for n, v in run.metrics.items() if n not in _ABOVE}
    return found | ({"error": run.error} if run.error else {})


def _is_open(run: Run) -> bool:
    return run.status in OPEN_STATUSES


def _progress(run: Run) -> tuple[str, float]:
    done, total = run.progress.get("done") or 0, run.progress.get("total") or 0
    note = run.progress.get("note") or "waiting for the tuning worker"
    count = f" {done}/{total}" if total else ""
    if left := run.progress.get("left"):
        count += f", about {left:.0f} s left" if left < 90 else f", about {left / 60:.0f} min left"
    return f"{run.stage or run.status}: {note}{count}", done / total if total else 0.0
