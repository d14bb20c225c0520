"""B32: of many tuning workers on one home one works, and its place is passed on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.speaking import until

pytestmark = pytest.mark.slow


class Worker:
    """A started worker, and what it logs."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    def says(self, words: str) -> bool:
        return words in self._log.read_text()

    @property
    def waits(self) -> bool:
        return self.says("waits for runs")

    @property
    def is_refused(self) -> bool:
        told = self.says("A tuning worker runs already on this home folder.")
        return told and self.process.poll() == 1


@contextmanager
def _worker(home: Path) -> Iterator[Worker]:
    log = home / f"{len(list(home.glob('*.log')))}.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tuning.worker"],
            env=os.environ | {"PARLANCE_HOME": str(home)},
            stderr=stderr,
        )
    try:
        yield Worker(process, log)
    finally:
        process.kill()
        process.wait()


def test_b32_of_four_workers_one_works_and_the_next_takes_over_when_it_is_killed(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        started = [stack.enter_context(_worker(tmp_path)) for _ in range(4)]
        until(lambda: sum(w.waits for w in started) == 1, seconds=60)
        until(lambda: sum(w.is_refused for w in started) == 3, seconds=60)
        [at_work] = [w for w in started if w.waits]
        late = stack.enter_context(_worker(tmp_path))
        until(lambda: late.is_refused, seconds=60)
        at_work.process.send_signal(signal.SIGKILL)
        at_work.process.wait()
        successor = stack.enter_context(_worker(tmp_path))
        until(lambda: successor.waits, seconds=60)
