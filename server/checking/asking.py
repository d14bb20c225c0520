"""Asking for a run over the question list: by a person, or because what answers has changed."""

from __future__ import annotations

import logging

from server.checking.running import WORKFLOW
from server.checking.state import fingerprints
from server.errors import Conflict
from server.jobs import CHECKS_QUEUE, Jobs
from server.llm.voice import Voices
from server.periodic import Periodic
from server.store import Store
from server.store.assistants import Assistant
from server.store.check_runs import CheckRun, Fingerprints

# Who asks for the runs that follow a change.
AUTOMATIC = "automatic"

_LOOK_SECONDS = 5.0

log = logging.getLogger(__name__)


def ask_for_run(store: Store, jobs: Jobs, assistant_id: str, *, actor: str) -> CheckRun:
    """Ask for a run: a row and queued work; Conflict while another of this assistant is open."""
    run = store.check_runs.ask(assistant_id, requested_by=actor)
    # The run's id names the workflow too: one of them is enough to find both.
    try:
        jobs.enqueue(CHECKS_QUEUE, WORKFLOW, run.id, workflow_id=run.id)
    except Exception:
        # An open run that nobody works on would keep every other one away.
        store.check_runs.end(run.id, "failed")
        raise
    if actor != AUTOMATIC:
        store.audit.add(actor, "checks.run", run.id)
    return run


def cancel_run(store: Store, jobs: Jobs, run: CheckRun, *, actor: str) -> CheckRun:
    """Stop a run; what was asked stays. A closed run is a Conflict."""
    if not run.is_open:
        raise Conflict("This run has ended already.")
    jobs.cancel(run.id)
    store.audit.add(actor, "checks.cancel", run.id)
    return store.check_runs.end(run.id, "cancelled")


def interrupt_lost_runs(store: Store, jobs: Jobs) -> int:
    """At start: close runs whose work is not waiting any more, so that none stays open for ever."""
    lost = [run for run in store.check_runs.all_open() if jobs.status(run.id) != "waiting"]
    for run in lost:
        store.check_runs.end(run.id, "interrupted")
    return len(lost)


class Watch(Periodic):
    """Queues a run when content, manner, prompt or voice differ from those of the last run.

    It looks at the state instead of being told of each act, so it misses none: readings and
    removals, settings from console, API and command line, promotions from any process. A change
    must hold for two looks with nothing being read, so that five sources make one run.
    """

    def __init__(self, store: Store, jobs: Jobs, voices: Voices) -> None:
        super().__init__("checks", _LOOK_SECONDS)
        self._store = store
        self._jobs = jobs
        self._voices = voices
        self._noticed: dict[str, Fingerprints] = {}
        self._queued: dict[str, Fingerprints] = {}

    def look(self) -> None:
        """Compare once, for every assistant; one that fails keeps no other waiting."""
        for assistant in self._store.assistants.all():
            try:
                self._look_at(assistant)
            except Exception:
                log.exception("looking for changes of %s failed", assistant.key)

    def _look_at(self, assistant: Assistant) -> None:
        newest = self._store.check_runs.of_assistant(assistant.id, limit=1)
        # The first run is a person's: while a list is being written there is nothing to compare.
        done = self._store.check_runs.of_assistant(assistant.id, status="done", limit=1)
        if not done or newest[0].is_open or not self._store.checks.of_assistant(assistant.id):
            return
        sources = self._store.knowledge.sources(assistant.id)
        if any(source.status in ("queued", "running") for source in sources):
            return
        present = fingerprints(self._store, assistant, self._voices)
        noticed = self._noticed.get(assistant.id)
        self._noticed[assistant.id] = present
        # Once for each state: a run that failed or was cancelled is not asked for again and again.
        known = (done[0].fingerprints, self._queued.get(assistant.id))
        if present in known or present != noticed:
            return
        self._queued[assistant.id] = present
        try:
            ask_for_run(self._store, self._jobs, assistant.id, actor=AUTOMATIC)
        except Conflict:
            # A person was quicker; a later look compares with what that run saw.
            del self._queued[assistant.id]
