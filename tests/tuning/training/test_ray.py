"""Two processes under Ray Train against one: the same losses, nearly the same weights."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.tuning.training.jobs import make_job, run_to_end, weights
from tuning.child import FAULT
from tuning.places import TRAINED
from tuning.training import curve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra `ray` is not installed")


@needs_ray
def test_two_processes_learn_what_one_learns(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {}
    for on in ("here", "ray"):
        folders[on] = make_job(tmp_path / on, tiny, batch=4, on=on, workers=2)
        status, out, errors = run_to_end(folders[on])
        assert status == 0, (out, errors[-3000:])
    losses = {on: [p["loss"] for p in curve.points(f, "sft")] for on, f in folders.items()}
    apart = [abs(a - b) for a, b in zip(losses["here"], losses["ray"], strict=True)]
    weights = {on: weights(f) for on, f in folders.items()}
    moved = max(abs(weights["ray"][n] - w).max() for n, w in weights["here"].items())
    with capsys.disabled():
        print(f"\n2 processes against 1: losses differ by {max(apart):.1e} at most over")
        print(f"{len(apart)} steps, weights by {moved:.1e}")
    assert len(apart) == json.loads((folders["here"] / TRAINED).read_text())["steps"] == 12
    assert max(apart) < 1e-3


@needs_ray
def test_what_cannot_train_on_several_processes_is_refused_with_a_sentence(
    tiny: Path, tmp_path: Path
) -> None:
    folder = make_job(tmp_path / "job", tiny, batch=4, on="ray", dropout=0.1)
    status, out, _ = run_to_end(folder)
    assert status == FAULT
    assert "without dropout" in json.loads(out.splitlines()[-1])["message"]


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_extra_is_named(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job", tiny, on="ray")
    status, out, _ = run_to_end(folder)
    assert status == FAULT
    told = json.loads(out.splitlines()[-1])
    assert told["message"].startswith("Ray is not installed")
    assert "[ray]" in told["hint"]
