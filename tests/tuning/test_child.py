"""Child processes: they report, fail with a sentence, and never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from server.errors import Invalid, Unavailable
from tuning.child import Cancelled, Children, OutOfMemory, Stage, is_full

_MODULE = """
import sys, time
from pathlib import Path
from server.errors import Invalid, Unavailable
from tuning.child import begin, guarded, tell
folder = Path(begin(sys.argv[1:])[0])
def work():
    tell(folder, done=1, total=2, note="half")
    {body}
sys.exit(guarded(work))
"""
# A limit on the address space does here what a full machine does there.
_EATING = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30,) * 2); bytes(1 << 31)"


def _stage(folder: Path, body: str) -> Stage:
    (folder / "stage_under_test.py").write_text(textwrap.dedent(_MODULE.format(body=body)))
    path = os.pathsep.join([str(folder), str(Path(__file__).parents[2])])
    return Stage("stage_under_test", [str(folder)], folder, os.environ | {"PYTHONPATH": path})


def _run(stage: Stage) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    Children().run(stage, report=told.append, is_cancelled=lambda: False)
    return told


def test_a_child_tells_its_progress(tmp_path: Path) -> None:
    assert _run(_stage(tmp_path, "time.sleep(1)")) == [{"done": 1, "total": 2, "note": "half"}]


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        ("raise Invalid('The file is empty.', hint='Fill it.')", Invalid, "is empty. Fill it."),
        ("raise OSError(28, 'No space left on device')", Unavailable, "The disk is full."),
        ("raise RuntimeError('No space left on device')", Unavailable, "The disk is full."),
        ("raise RuntimeError('odd')", Unavailable, "RuntimeError: odd"),
        ("import os; os.kill(os.getpid(), 9)", OutOfMemory, "want of memory"),
        (_EATING, OutOfMemory, "want of memory"),
    ],
)
def test_b23_b30_a_childs_failure_becomes_one_sentence(
    tmp_path: Path, body: str, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        _run(_stage(tmp_path, body))


def test_b30_a_child_is_a_process_of_its_own_that_steps_back(tmp_path: Path) -> None:
    told = (
        "from os import getpid, nice; "
        "adj = Path('/proc/self/oom_score_adj').read_text(); "
        "(folder / 'told').write_text(f'{getpid()} {nice(0)} {adj}')"
    )
    stage = replace(_stage(tmp_path, told), nice=19)
    Children().run(stage, report=lambda _told: None, is_cancelled=lambda: False)
    process, niceness, first_to_go = map(int, (tmp_path / "told").read_text().split())
    assert process != os.getpid()
    assert (niceness, first_to_go) == (19, 800)
    assert int(Path("/proc/self/oom_score_adj").read_text()) < 800


def test_a_cancelled_child_is_gone(tmp_path: Path) -> None:
    stage = _stage(tmp_path, "time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(Cancelled):
        Children().run(
            stage, report=lambda _told: None, is_cancelled=lambda: time.monotonic() - began > 1
        )
    assert time.monotonic() - began < 10
    assert not psutil.Process().children()


def test_a_child_ends_with_a_killed_parent(tmp_path: Path) -> None:
    _stage(tmp_path, f"Path({str(tmp_path / 'pid')!r}).write_text(str(__import__('os').getpid())); "
           "time.sleep(60)")  # fmt: skip
    parent = textwrap.dedent(
        f"""
        import os
        from pathlib import Path
        from tuning.child import Children, Stage
        folder = Path({str(tmp_path)!r})
        stage = Stage("stage_under_test", [str(folder)], folder, os.environ)
        Children().run(stage, report=lambda told: None, is_cancelled=lambda: False)
        """
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    process = subprocess.Popen(
        [sys.executable, "-c", parent], env=os.environ | {"PYTHONPATH": path}
    )
    child = _await_pid(tmp_path / "pid")
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs([child], timeout=5)
    assert not alive


@pytest.mark.parametrize(
    ("fault", "full"),
    [
        (OSError(28, "No space left on device"), True),
        (RuntimeError("I/O error: No space left on device (os error 28)"), True),
        (OSError(13, "Permission denied"), False),
    ],
)
def test_b23_a_full_disk_is_recognised(fault: Exception, full: bool) -> None:
    assert is_full(fault) is full


def _await_pid(file: Path) -> psutil.Process:
    for _ in range(200):
        if file.is_file() and file.read_text():
            return psutil.Process(int(file.read_text()))
        time.sleep(0.05)
    raise AssertionError("the child never started")
