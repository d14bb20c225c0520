"""Runs over the question list as durable work: kill -9, a polite stop, cancel, and lost work."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server import jobs
from server.checking import asking
from server.config import Settings
from server.jobs import Jobs
from server.store import Store, open_store
from server.store.check_runs import CheckRun
from server.store.checks import NewCheck
from tests.speaking import QUESTION, RETURNS, SITE, WordEmbedder, teach, until

pytestmark = pytest.mark.slow

COUNT = 12


class House:
    """A home folder with a list of twelve questions, and the process that asks it."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.store: Store = open_store(self.settings.database)
        self.jobs = Jobs(self.settings)
        jobs.migrate(self.settings)
        self.assistant = self.store.assistants.create("Acme", key="acme")
        teach(self.store, self.assistant, f"{SITE}/r", "Returns", RETURNS, WordEmbedder())
        new = [NewCheck(f"{QUESTION} {n}", {"url": f"{SITE}/r"}) for n in range(COUNT)]
        self.store.checks.import_many(self.assistant.id, new, author="ana")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 0.4) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.checking.checking_process"]
        command += [str(self.settings.home), str(seconds)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None and self.process.stdout.readline() == b"up\n"
        return self.process

    def stop(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def run(self) -> CheckRun:
        return asking.ask_for_run(self.store, self.jobs, self.assistant.id, actor="ana")

    def at(self, run: CheckRun) -> CheckRun:
        return self.store.check_runs.run(run.id)

    def asked(self) -> int:
        return len((self.settings.home / "asked.log").read_text().splitlines())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.stop(signal.SIGKILL)
    opened.store.database.close()


def _halfway(house: House, run: CheckRun) -> Callable[[], bool]:
    return lambda: 0 < house.at(run).asked < COUNT


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_goes_on_after_the_process_ended(house: House, how: signal.Signals) -> None:
    house.start()
    run = house.run()
    until(_halfway(house, run), 30)
    house.stop(how)
    kept = house.at(run)
    assert kept.status == "running" and 0 < kept.asked < COUNT
    assert all(row["passed"] is not False for row in kept.results), "no half answer is a failure"
    house.start(0.0)
    until(lambda: house.at(run).status == "done", 30)
    assert (house.at(run).passed, house.at(run).total) == (COUNT, COUNT)
    assert house.asked() <= COUNT + 4, "only what was under way was asked twice"


def test_a_cancelled_run_stops_before_its_next_questions(house: House) -> None:
    house.start()
    run = house.run()
    until(_halfway(house, run), 30)
    asking.cancel_run(house.store, house.jobs, house.at(run), actor="ana")
    again = house.run()
    until(lambda: house.at(again).status == "done", 30)
    assert house.at(run).status == "cancelled" and house.at(run).asked < COUNT


def test_a_run_whose_work_is_gone_does_not_run_for_ever(house: House) -> None:
    run = house.store.check_runs.ask(house.assistant.id, requested_by="ana")  # and no work with it
    house.start(0.0)
    assert house.at(run).status == "interrupted"
    again = house.run()
    until(lambda: house.at(again).status == "done", 30)
