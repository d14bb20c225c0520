"""A process with one slow workflow, for the test that kills it: writes a line per finished step."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dbos import DBOS

from server import jobs
from server.config import Settings

LOG = Path(sys.argv[1]) / "steps.log"


@DBOS.step()
def _step(n: int) -> int:
    time.sleep(0.2)
    with LOG.open("a") as log:
        log.write(f"{n}\n")
    return n


@DBOS.workflow(name="ten_steps")
def _ten_steps(_run: str) -> int:
    return sum(_step(n) for n in range(10))


jobs.launch(Settings(home=Path(sys.argv[1])), executor="tuning", queues=(jobs.TUNING_QUEUE,))
time.sleep(60)
