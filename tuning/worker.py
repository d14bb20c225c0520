"""The tuning worker: `python -m tuning.worker`, one process that does the queued runs.

It holds a file lock, so there is never a second one; it is light while idle, since everything that
needs torch or a model runs in child processes. SIGTERM ends it, and its child, within seconds.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from server import config, jobs, logs
from server.config import Settings
from server.errors import AppError, Conflict
from server.signals import stop_signals
from server.store import open_store
from server.versions import check_versions
from tuning import workflow
from tuning.child import Children
from tuning.clock import Clock

log = logging.getLogger(__name__)

# Time for a child to finish its step and checkpoint; the whole has to be over in five seconds.
_GRACE_SECONDS = 3.0


@contextmanager
def only_worker(settings: Settings) -> Iterator[None]:
    """Hold the worker's lock; Conflict if another process does."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "tuning.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(
                "A tuning worker runs already on this home folder.",
                hint="Its runs go on; see parlance tune status KEY.",
            ) from None
        yield


@contextmanager
def working(settings: Settings) -> Iterator[Children]:
    """Take up unfinished runs and do the queued ones, for as long as the context lasts."""
    check_versions("tuning")
    with only_worker(settings):
        store = open_store(settings.database)
        children = Children()
        jobs.migrate(settings)
        workflow.register(workflow.Tuner(settings, store, children))
        jobs.launch(settings, executor="tuning", queues=(jobs.TUNING_QUEUE,))
        try:
            yield children
        finally:
            children.stop(seconds=_GRACE_SECONDS)
            jobs.shut_down()
            store.database.close()


@contextmanager
def ticking(settings: Settings) -> Iterator[None]:
    """Count material and begin what is due, for as long as the context lasts."""
    store = open_store(settings.database)
    clock = Clock(store, jobs.Jobs(settings))
    clock.start()
    try:
        yield
    finally:
        clock.close()
        store.database.close()


def main() -> int:
    """Work until SIGTERM or SIGINT."""
    settings = config.load()
    logs.set_up(settings.log_level)
    try:
        with stop_signals() as stopping, working(settings) as children, ticking(settings):
            log.info("the tuning worker waits for runs")
            while not stopping.wait(0.2):
                pass
            children.stop(seconds=_GRACE_SECONDS)
            # The thread of a cut-short stage must record nothing: it is taken up at the next start.
            os._exit(0)
    except AppError as error:
        log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
