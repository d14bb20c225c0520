"""The widget builds from its sources, passes its own checks, and names no registry."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WIDGET = Path(__file__).resolve().parents[2] / "widget"
BUILD = [sys.executable, str(WIDGET / "hatch_build.py")]


@pytest.mark.slow
def test_types_sizes_and_unit_tests_of_the_widget_pass() -> None:
    done = subprocess.run([*BUILD, "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_building_twice_does_nothing_the_second_time() -> None:
    subprocess.run(BUILD, check=True, capture_output=True)
    again = subprocess.run(BUILD, check=True, capture_output=True, text=True)
    assert again.stdout == "widget: up to date\n"


def test_the_lock_file_holds_hashes_and_no_registry_addresses() -> None:
    packages = json.loads((WIDGET / "package-lock.json").read_text())["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert all("integrity" in package for package in installed.values())
    assert not any("resolved" in package for package in installed.values())


def test_no_source_writes_markup_or_runs_text() -> None:
    banned = (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    )
    for source in (WIDGET / "src").glob("*.ts"):
        text = source.read_text()
        assert not [word for word in banned if word in text], source.name
