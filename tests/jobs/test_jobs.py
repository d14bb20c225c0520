"""Durable work survives the death of the process that does it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.config import Settings
from server.jobs import TUNING_QUEUE, Jobs, migrate


def _start(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.jobs.durable_worker", str(home)])


def _steps(home: Path) -> list[int]:
    log = home / "steps.log"
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def _wait(condition: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.mark.slow
def test_work_killed_halfway_is_finished_after_a_restart_with_no_step_twice(
    tmp_path: Path,
) -> None:
    jobs = Jobs(Settings(home=tmp_path))
    migrate(Settings(home=tmp_path))
    worker = _start(tmp_path)
    try:
        jobs.enqueue(TUNING_QUEUE, "ten_steps", "run_1", workflow_id="w1")
        jobs.enqueue(TUNING_QUEUE, "ten_steps", "run_1", workflow_id="w1")
        _wait(lambda: len(_steps(tmp_path)) >= 3)
        worker.kill()
        worker.wait()
        before = _steps(tmp_path)
        assert jobs.status("w1") == "waiting"
        worker = _start(tmp_path)
        _wait(lambda: jobs.status("w1") == "done")
    finally:
        worker.kill()
        worker.wait()
    after = _steps(tmp_path)
    assert sorted(set(after)) == list(range(10))
    # Only the step that was under way may appear twice.
    assert after[: len(before)] == before and len(after) <= 11


@pytest.mark.slow
def test_cancelled_work_stops_before_its_next_step(tmp_path: Path) -> None:
    jobs = Jobs(Settings(home=tmp_path))
    migrate(Settings(home=tmp_path))
    worker = _start(tmp_path)
    try:
        jobs.enqueue(TUNING_QUEUE, "ten_steps", "run_1", workflow_id="w1")
        _wait(lambda: len(_steps(tmp_path)) >= 2)
        jobs.cancel("w1")
        _wait(lambda: jobs.status("w1") == "cancelled")
        time.sleep(1)
        assert len(_steps(tmp_path)) < 10
    finally:
        worker.kill()
        worker.wait()


def test_unknown_work_has_no_status(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    migrate(settings)
    jobs = Jobs(settings)
    jobs.cancel("never")
    assert jobs.status("never") is None
