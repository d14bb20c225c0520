"""`parlance serve` as a process tree: it starts whole, ends whole, and refuses with a sentence."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from server.config import Settings
from server.errors import Conflict
from server.llm.models import Prepared
from server.presence import announce, running_server, withdraw
from server.retrieval.vectors import ChromaIndex
from server.supervisor import check_port

PARLANCE = str(Path(sys.executable).with_name("parlance"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home(prepared: Prepared, tmp_path: Path) -> Path:
    """A home folder whose models are prepared."""
    (tmp_path / "models").symlink_to(prepared.root.parent)
    return tmp_path


class Serving:
    """`parlance serve` in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "PARLANCE_HOME": str(home),
            "PARLANCE_PORT": str(self.port),
        }
        self.process = subprocess.Popen(
            [PARLANCE, "serve"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> Serving:
        assert self.process.stdout is not None
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("Ctrl-C"):
                return self
        raise AssertionError("".join(self.said))

    def family(self) -> list[psutil.Process]:
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            text: str = answer.read().decode()
            return text


@pytest.fixture
def serving(home: Path) -> Iterator[Serving]:
    opened = Serving(home)
    yield opened
    if opened.process.poll() is None:
        opened.process.kill()
        opened.process.wait()
    if opened.process.stdout is not None:
        opened.process.stdout.close()


def _gone(family: list[psutil.Process], seconds: float = 25) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(family, timeout=seconds)
    return [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
@pytest.mark.model
def test_it_serves_is_found_by_the_command_line_and_ends_whole(
    serving: Serving, home: Path
) -> None:
    serving.wait()
    assert json.loads(serving.get("/readyz"))["status"] == "ready"
    assert any("/console/setup/" in line for line in serving.said)
    settings = Settings(home=home, port=serving.port)
    assert running_server(settings) == serving.url
    made = subprocess.run(
        [PARLANCE, "assistants", "create", "Acme", "--key", "acme", "--json"],
        env=serving.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(made.stdout)["key"] == "acme"
    assert "acme" in serving.get("/a/acme")

    second = subprocess.run(
        [PARLANCE, "serve"], env=serving.environment, capture_output=True, text=True, timeout=60
    )
    assert second.returncode == 1 and "runs already" in second.stderr
    assert "Traceback" not in second.stderr

    family = serving.family()
    assert len(family) >= 3
    for _ in range(5):  # as a terminal and `make` both send one, each within the other's handler
        serving.process.send_signal(signal.SIGINT)
        serving.process.send_signal(signal.SIGTERM)
    assert serving.process.wait(30) == 0
    assert _gone(family) == []
    assert running_server(settings) is None


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize("victim", ["supervisor", "web"])
def test_when_one_process_is_killed_none_stays_behind(serving: Serving, victim: str) -> None:
    serving.wait()
    family = serving.family()
    if victim == "supervisor":
        serving.process.kill()
    else:
        web = next(p for p in family if "server.serve" in p.cmdline())
        web.kill()
        assert serving.process.wait(40) != 0
    assert _gone(family, 40) == []


@pytest.mark.slow
@pytest.mark.model
def test_b42_a_home_that_is_in_use_is_one_sentence_and_no_endless_restart(
    home: Path, serving: Serving
) -> None:
    serving.process.kill()
    serving.process.wait()
    index = ChromaIndex(home / "chroma")
    try:
        began = time.monotonic()
        web = subprocess.run(
            [sys.executable, "-m", "server.serve"],
            env=serving.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        index.close()
    assert web.returncode != 0 and time.monotonic() - began < 40
    assert "Another Parlance process" in web.stderr
    assert web.stderr.count("Another Parlance process") == 1
    assert "Traceback" not in web.stderr


def test_b42_a_port_that_is_taken_is_one_sentence_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"Port {port}") as told:
            check_port("127.0.0.1", port)
        assert "--port" in told.value.hint


def test_a_free_port_is_fine() -> None:
    check_port("127.0.0.1", _free_port())


def test_a_server_is_known_as_long_as_its_process_lives(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, port=8123)
    assert running_server(settings) is None
    announce(settings)
    assert running_server(settings) == "http://127.0.0.1:8123"
    withdraw(settings)
    assert running_server(settings) is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"pid": 999999999, "started": 1, "url": "x"}', '{"pid": 1}', '{"pid": "x"}'],
)
def test_a_stale_or_broken_note_of_a_server_is_no_server(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.json").write_text(content)
    assert running_server(Settings(home=tmp_path)) is None


def test_another_process_with_the_same_number_is_not_the_server(tmp_path: Path) -> None:
    told = {"pid": os.getpid(), "started": 1.0, "url": "http://x"}
    (tmp_path / "server.json").write_text(json.dumps(told))
    assert running_server(Settings(home=tmp_path)) is None
