"""Child processes: the stages that need much memory run in one and give it back when they end.

A child tells its progress in a file and its failures in one JSON line on stdout. It ends when its
parent does, however that ended.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from server.errors import AppError, Invalid, Unavailable

Report = Callable[[dict[str, Any]], None]
log = logging.getLogger(__name__)

PROGRESS_FILE = "progress.jsonl"
FAULT = 3
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.3
# A step of training is over by then and its checkpoint written; what is not, is done again.
_CANCEL_SECONDS = 12.0


class Cancelled(Exception):
    """The run was cancelled while a child was at work."""


class OutOfMemory(Unavailable):
    """A child ended for want of memory; with less at a time it may come through."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A child to run: `python -m module arguments`, with progress in `folder`."""

    module: str
    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    nice: int = 0


class Runner(Protocol):
    """Runs one stage to its end, wherever."""

    def run(self, stage: Stage, *, report: Report, is_cancelled: Callable[[], bool]) -> None:
        """Raise what the stage raised, or Cancelled."""


class Children:
    """Runs stages one at a time, and can end the one at work from another thread."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[str] | None = None
        self._stopping = threading.Event()

    def run(self, stage: Stage, *, report: Report, is_cancelled: Callable[[], bool]) -> None:
        """Run a stage to its end. Raises what the child raised, or Cancelled."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            child = subprocess.Popen(
                _command(stage),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                env=dict(stage.environment),
                text=True,
            )
            self._running = child
            try:
                self._follow(child, stage.folder / PROGRESS_FILE, report, is_cancelled)
            finally:
                end(child, _CANCEL_SECONDS)
                self._running = None
            if child.returncode:
                raise _fault(stage.module, child.returncode, _tail(out), _tail(errors))

    def stop(self, *, seconds: float) -> None:
        """End the child at work, for a process that is about to end itself."""
        self._stopping.set()
        if (child := self._running) is not None:
            end(child, seconds)

    def _follow(
        self,
        child: subprocess.Popen[str],
        progress: Path,
        report: Report,
        is_cancelled: Callable[[], bool],
    ) -> None:
        # A stage before this one may have left its last words there.
        told = _last_line(progress)
        while child.poll() is None:
            if is_cancelled():
                raise Cancelled
            if (line := _last_line(progress)) != told:
                told = line
                report(json.loads(line))
            with suppress(subprocess.TimeoutExpired):
                child.wait(_POLL_SECONDS)
        while self._stopping.is_set():
            # This process is ending. Whatever was returned or raised from here would be recorded
            # as the stage's result; unrecorded, the stage is taken up again at the next start.
            time.sleep(1)


def end(child: subprocess.Popen[str], seconds: float) -> None:
    """Ask a child to end, and make it after so many seconds."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def begin(arguments: Sequence[str]) -> list[str]:
    """The child's first call: be nice, end with the parent; return what is left of the arguments.

    Options come first: `--nice N`, `--parent PID`.
    """
    rest = list(arguments)
    while len(rest) > 1 and rest[0] in {"--nice", "--parent"}:
        option, value = rest[0], int(rest[1])
        rest = rest[2:]
        if option == "--nice":
            _step_back(value)
        else:
            _end_with(value)
    return rest


def guarded(work: Callable[[], None]) -> int:
    """Run a child's work; a person's error becomes one JSON line on stdout and exit status 3."""
    try:
        work()
    except AppError as fault:
        _tell(type(fault).__name__, fault.message, fault.hint)
        return FAULT
    except OSError as fault:
        if not is_full(fault):
            raise
        _tell("Unavailable", *_DISK_FULL)
        return FAULT
    return 0


def is_full(fault: BaseException) -> bool:
    """Whether a failure means that the disk is full; the tensor library says so only in words."""
    return getattr(fault, "errno", None) == 28 or "No space left on device" in str(fault)


# Python's, torch's on the processor, and CUDA's. Where the system ends a process, it says nothing.
_NO_MEMORY = ("MemoryError", "can't allocate memory", "out of memory")
_DISK_FULL = ("The disk is full.", "Free some space and start the run again; nothing was changed.")


def peak_mb() -> int:
    """The most memory this process has had resident, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file that is there whole or not at all, also after a power cut."""
    draft = path.with_name(f".{path.name}")
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1, ensure_ascii=False)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line (JSONL)."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read what `write_lines` wrote."""
    # Not by splitlines: a text may hold signs that it takes for the end of a line.
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def tell(folder: Path, **progress: Any) -> None:
    """Append a line to a stage's progress file."""
    with (folder / PROGRESS_FILE).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(progress) + "\n")


def _command(stage: Stage) -> list[str]:
    options = ["--nice", str(stage.nice), "--parent", str(os.getpid())]
    return [sys.executable, "-m", stage.module, *options, *stage.arguments]


def _step_back(nice: int) -> None:
    os.nice(max(0, nice))
    with suppress(OSError):
        # Where memory runs out, this process goes before the one that answers visitors.
        Path("/proc/self/oom_score_adj").write_text("800", encoding="utf-8")


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _tell(kind: str, message: str, hint: str) -> None:
    sys.stdout.write(json.dumps({"kind": kind, "message": message, "hint": hint}) + "\n")
    sys.stdout.flush()


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError:
        return ""
    whole = [line for line in lines if line.endswith("\n")]
    return whole[-1] if whole else ""


def _tail(stream: Any) -> str:
    stream.seek(0)
    return str(stream.read())[-6000:]


def _fault(module: str, status: int, out: str, errors: str) -> AppError:
    told = out.strip().splitlines()[-1:] if status == FAULT else []
    if told:
        found = json.loads(told[0])
        kind = Invalid if found["kind"] == "Invalid" else Unavailable
        return kind(found["message"], hint=found["hint"])
    log.error("%s ended with %d: %s", module, status, errors)
    if is_full(OSError(errors)):
        return Unavailable(_DISK_FULL[0], hint=_DISK_FULL[1])
    if status == -signal.SIGKILL or any(sign in errors for sign in _NO_MEMORY):
        return OutOfMemory(
            f"{module} was ended for want of memory.",
            hint="Free some memory, or lower the run's micro_batch or max_length.",
        )
    reason = (errors.strip().splitlines() or ["no message"])[-1][:300]
    return Unavailable(f"{module} failed: {reason}", hint="The log of the tuning worker says more.")
