"""B33: an adapter's folder appears whole or not at all, wherever its publisher is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from server.llm.folders import file_sha256
from tests.tuning.dying_publisher import RUN
from tuning.child import write_json
from tuning.manifest import file_hashes, read_manifest, write_manifest
from tuning.places import ASSEMBLED, REPORT, Places

pytestmark = pytest.mark.slow

_CONTENT = {"model.gguf": b"GGUF", "ir/model.bin": b"weights", "adapter/adapter.safetensors": b"ab"}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A run that was measured and is to be published."""
    made = Places(tmp_path, RUN)
    for name, content in _CONTENT.items():
        path = made.making / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    write_manifest(made.making / "adapter", {"base_sha256": "b"})
    made.job.mkdir(parents=True)
    write_json(made.job / ASSEMBLED, {"digest": file_sha256(made.making / "model.gguf")})
    write_json(made.job / REPORT, {"voice_words": ["ahoy"]})
    return made


def _publish(places: Places, *arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.tuning.dying_publisher", str(places.home)]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


def _check_whole(places: Places) -> None:
    told = read_manifest(places.adapter)
    assert told["digest"] == file_sha256(places.adapter / "model.gguf")
    assert told["files"] == file_hashes(places.adapter) and len(told["files"]) == 4
    assert told["voice_words"] == ["ahoy"]
    assert not places.making.exists()


def _sweep(places: Places, what: str) -> int:
    """Kill it at the n-th call, for n from 1 on until it lives; then it has published."""
    killed = 0
    while (done := _publish(places, what, killed + 1)).returncode == -signal.SIGKILL:
        killed += 1
        if places.adapter.is_dir():
            _check_whole(places)
        else:
            assert (places.making / "model.gguf").read_bytes() == _CONTENT["model.gguf"]
    assert done.stdout == "published", done.stderr[-2000:]
    return killed


def test_b33_killed_at_any_fsync_it_is_published_whole_by_the_next_attempt(places: Places) -> None:
    # Five files, two folders and the whole; then, behind the rename, the folder that it is in.
    assert _sweep(places, "fsync") == 9
    _check_whole(places)


@pytest.mark.parametrize("what", ["rename", "renamed"])
def test_b33_killed_around_the_rename_it_is_there_once(places: Places, what: str) -> None:
    assert _publish(places, what, 1).returncode == -signal.SIGKILL
    assert places.adapter.is_dir() == (what == "renamed")
    assert _publish(places).stdout == "published"
    _check_whole(places)


def test_publishing_twice_changes_nothing(places: Places) -> None:
    assert _publish(places).stdout == "published"
    before = read_manifest(places.adapter)
    assert _publish(places).stdout == "published"
    assert read_manifest(places.adapter) == before
