"""`parlance serve`: starts web and tuning worker, watches them, and ends all of them together."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from server.config import Settings, as_environment
from server.errors import Conflict
from server.llm.models import prepare
from server.presence import local_address, running_server, withdraw
from server.signals import Stopping, stop_signals

log = logging.getLogger(__name__)

Progress = Callable[[str, float], None]

_READY_SECONDS = 300
_GRACE_SECONDS = 20
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    process: subprocess.Popen[bytes]


def run(settings: Settings, *, progress: Progress, say: Callable[[str], None]) -> int:
    """Run until Ctrl-C or SIGTERM; return the exit status. Leaves no process behind."""
    began = time.monotonic()
    if (address := running_server(settings)) is not None:
        raise Conflict(f"Parlance runs already at {address}.", hint="Stop that one first.")
    check_port(settings.host, settings.port)
    settings.home.mkdir(parents=True, exist_ok=True)
    prepare(settings.home, settings.model, progress=progress)
    children = [_start(settings, "web", "server.serve")]
    try:
        with stop_signals() as stopping:
            status = _await_ready(settings, children, stopping)
            if status is None and not stopping.is_set():
                say(_welcome(settings, time.monotonic() - began))
                # Only now: its start would take a core from the web process, and nobody waits.
                # Serving works without the tuning extra; the tuning page then says what is missing.
                if importlib.util.find_spec("torch") is not None:
                    children.append(_start(settings, "tuning", "tuning.worker"))
                status = _watch(children, stopping)
    finally:
        _end(children)
        withdraw(settings)
    return status or 0


def check_port(host: str, port: int) -> None:
    """Raise Conflict if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Conflict(
                f"Port {port} on {host} cannot be used: {error.strerror or error}.",
                hint=f"Stop what uses it, or choose another: parlance serve --port {port + 1}",
            ) from None


def _start(settings: Settings, name: str, module: str) -> _Child:
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        env=os.environ | as_environment(settings) | {"PYTHONUNBUFFERED": "1"},
        # A terminal's Ctrl-C must reach us alone: we end the children in order.
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )
    return _Child(name, process)


def _die_with_parent() -> None:
    """In a new child: be told to end when the supervisor is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _await_ready(settings: Settings, children: list[_Child], stopping: Stopping) -> int | None:
    """Wait until the web process is ready; return a status if a child ended instead."""
    deadline = time.monotonic() + _READY_SECONDS
    address = f"{local_address(settings)}/readyz"
    while not stopping.wait(0.1) and time.monotonic() < deadline:
        if (status := _ended(children)) is not None:
            return status
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            if answer.status == 200:
                return None
    return None if stopping.is_set() else 1


def _watch(children: list[_Child], stopping: Stopping) -> int:
    while not stopping.wait(0.2):
        if (status := _ended(children)) is not None:
            return status
    return 0


def _ended(children: list[_Child]) -> int | None:
    for child in children:
        if (status := child.process.poll()) is not None:
            log.error("the %s process ended with status %d", child.name, status)
            return status or 1
    return None


def _welcome(settings: Settings, seconds: float) -> str:
    from server.store import open_store  # after the start, which it would have held up

    store = open_store(settings.database)
    lines = [f"Parlance is ready after {seconds:.1f} s."]
    if settings.demo:
        lines.append(f"  Widget on a page     {settings.url}/demo")
        lines.append(f"  Full-page assistant  {settings.url}/a/demo")
    if store.people.count() == 0:
        token = store.people.invite(role="owner")
        lines.append(f"  Console (set up)     {settings.url}/console/setup/{token}")
    else:
        lines.append(f"  Console              {settings.url}/console/")
    lines.append(f"  Manual               {settings.url}/docs/")
    lines.append("Ctrl-C stops everything.")
    store.database.close()
    return "\n".join(lines)


def _end(children: list[_Child]) -> None:
    """End the children and whatever they have started, politely first."""
    family = [p for child in children for p in _tree(child.process.pid)]
    for child in children:
        child.process.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.1, deadline - time.monotonic()))
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.Error:
        return []
