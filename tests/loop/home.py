"""A real installation for the loop: the process tree, the command line, and a site to read."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

FAQ = Path("/usr/share/doc/debian/FAQ")
PARLANCE = str(Path(sys.executable).with_name("parlance"))
_START_SECONDS = 300


@dataclass(slots=True)
class Home:
    """One running installation in a folder of its own; it can be killed and started again."""

    folder: Path
    url: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    ready_seconds: float

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run a parlance command with --json; its progress goes to our stderr."""
        told: dict[str, Any] = json.loads(self.do(*arguments, "--json"))
        return told

    def do(self, *arguments: str) -> str:
        """Run a parlance command; what it prints."""
        done = subprocess.run(
            [PARLANCE, *arguments],
            env=self.environment, stdout=subprocess.PIPE, check=False, text=True,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"parlance {' '.join(arguments[:3])} failed with {done.returncode}")
        return done.stdout

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that goes on beside us."""
        command = [PARLANCE, *arguments, "--json"]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)

    def kill(self) -> None:
        """SIGKILL to every process of the installation, at once."""
        parent = psutil.Process(self.process.pid)
        family = [*parent.children(recursive=True), parent]
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=10)
        self.process.wait(10)

    def restart(self) -> None:
        """Start again on the same port."""
        port = int(self.url.rpartition(":")[2])
        crawl = self.environment["PARLANCE_CRAWL_PRIVATE"]
        self.process = start(self.folder, crawl=crawl, port=port).process

    def holds_torch(self) -> bool:
        """Whether any process of the tree has torch in its memory."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        return any("libtorch" in Path(f"/proc/{p.pid}/maps").read_text() for p in family)

    def resident_mb(self) -> dict[str, float]:
        """Resident memory by process of the tree, in MB."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        return {" ".join(p.cmdline()[-1:]): p.memory_info().rss / 1e6 for p in family}


@contextlib.contextmanager
def site(folder: Path = FAQ) -> Iterator[str]:
    """Serve a folder of web pages on loopback."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": _say_nothing})
    handler = functools.partial(quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def running(folder: Path, *, crawl: str) -> Iterator[Home]:
    """Start `parlance serve` and end it with all its children."""
    home = start(folder, crawl=crawl)
    try:
        yield home
    finally:
        home.process.send_signal(signal.SIGTERM)
        home.process.wait(60)


def start(folder: Path, *, crawl: str, port: int | None = None) -> Home:
    """Start `parlance serve` on a free port and wait until it is ready."""
    chosen = port or free_port()
    environment = os.environ | {
        "PARLANCE_HOME": str(folder),
        "PARLANCE_PORT": str(chosen),
        "PARLANCE_CRAWL_PRIVATE": crawl.removeprefix("http://"),
    }
    began = time.monotonic()
    process = subprocess.Popen([PARLANCE, "serve"], env=environment)
    url = f"http://127.0.0.1:{chosen}"
    while not _is_ready(url):
        if process.poll() is not None:
            raise RuntimeError(f"parlance serve ended with {process.returncode}")
        if time.monotonic() - began > _START_SECONDS:
            process.kill()
            raise RuntimeError("parlance serve did not become ready")
        time.sleep(0.1)
    return Home(folder, url, environment, process, time.monotonic() - began)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _say_nothing(*_arguments: object) -> None:
    return None
