"""Training in its own process, on a tiny random model: masks, checkpoints, resuming, failing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.hardening.conftest import cut_off
from tests.tuning.training.jobs import make_job, run_to_end, start, weights
from tuning.child import FAULT
from tuning.places import TRAINED
from tuning.training import curve

pytestmark = pytest.mark.slow

STEPS = 24
CANCELLED = 4


def _steps(folder: Path) -> list[int]:
    lines = (folder / "progress.jsonl").read_text().splitlines()
    return [told["done"] for told in map(json.loads, lines) if "loss" in told]


def _await_step(folder: Path, child: subprocess.Popen[str], step: int) -> None:
    while child.poll() is None:
        if (folder / "progress.jsonl").is_file() and max(_steps(folder), default=0) >= step:
            return
        time.sleep(0.01)
    raise AssertionError(f"training ended too early: {child.communicate()[1][-2000:]}")


@pytest.fixture(scope="module", params=[0.0, 0.1], ids=["fast", "plain"])
def dropout(request: pytest.FixtureRequest) -> float:
    """None: the fast way. Some: transformers' way, with chance that a restart must not change."""
    return float(request.param)


@pytest.fixture(scope="module")
def whole(tiny: Path, dropout: float, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that was trained without interruption."""
    folder = make_job(tmp_path_factory.mktemp("whole") / "job", tiny, dropout=dropout)
    status, _, errors = run_to_end(folder)
    assert status == 0, errors[-3000:]
    return folder


def test_a_run_learns_and_tells_its_figures(whole: Path) -> None:
    result = json.loads((whole / TRAINED).read_text())
    lines = (whole / "progress.jsonl").read_text().splitlines()
    losses = [told["loss"] for told in map(json.loads, lines) if "loss" in told]
    assert result["steps"] == STEPS
    assert _steps(whole) == list(range(1, STEPS + 1))
    assert losses[-1] < losses[0]
    assert 0.2 < result["masked_share"] < 0.9
    assert result["peak_mb"] > 0


def test_a_run_draws_its_curve_and_says_what_is_left(whole: Path) -> None:
    drawn = curve.points(whole, "sft")
    told = [json.loads(line) for line in (whole / "progress.jsonl").read_text().splitlines()]
    left = [line["left"] for line in told if line.get("left") is not None]
    assert [point["step"] for point in drawn] == list(range(1, STEPS + 1))
    assert all(point["loss"] > 0 and point["seconds"] > 0 for point in drawn)
    assert len(left) == STEPS - 1
    assert left[-1] == 0
    assert told[-1]["note"].startswith("learning from your replies, loss ")


def test_an_adapter_names_no_path_of_the_machine_that_made_it(whole: Path) -> None:
    config = json.loads((whole / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] is None
    assert {p.name for p in (whole / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }


def test_a_finished_job_is_left_as_it_is(whole: Path) -> None:
    before = (whole / TRAINED).stat().st_mtime_ns
    status, _, errors = run_to_end(whole)
    assert status == 0, errors[-2000:]
    assert (whole / TRAINED).stat().st_mtime_ns == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_b29_a_killed_run_goes_on_and_ends_in_the_same_weights(
    tiny: Path, whole: Path, dropout: float, tmp_path: Path, number: signal.Signals
) -> None:
    folder = make_job(tmp_path / "job", tiny, dropout=dropout)
    child = start(folder)
    _await_step(folder, child, 5)
    child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode == (CANCELLED if number == signal.SIGTERM else -signal.SIGKILL)
    assert not (folder / TRAINED).exists()
    status, _, errors = run_to_end(folder)
    assert status == 0, errors[-3000:]
    result = json.loads((folder / TRAINED).read_text())
    assert result["steps"] == STEPS
    assert result["resumed_at"] >= 4
    again, first = weights(folder), weights(whole)
    assert all((again[name] == first[name]).all() for name in first)


def test_a64_training_needs_no_network(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job", tiny, epochs=1)
    command = [*cut_off(), sys.executable, "-m", "tuning.training.train", str(folder)]
    # Nothing that makes the libraries behave: they must not want the network by themselves.
    own = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((folder / TRAINED).read_text())["steps"] == 4


def test_b29_a_checkpoint_cut_short_is_not_resumed_from(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job", tiny)
    child = start(folder)
    _await_step(folder, child, 3)
    child.kill()
    child.communicate(timeout=60)
    torn = folder / "checkpoints" / "checkpoint-20"
    torn.mkdir()
    (torn / "adapter_model.safetensors").write_bytes(b"half")
    status, _, errors = run_to_end(folder)
    assert status == 0, errors[-3000:]
    assert json.loads((folder / TRAINED).read_text())["resumed_at"] < 20


def test_b31_a_loss_that_is_no_number_ends_the_run_with_a_sentence(
    tiny: Path, tmp_path: Path
) -> None:
    import shutil

    from safetensors.numpy import load_file, save_file

    broken = tmp_path / "base"
    shutil.copytree(tiny, broken)
    weights = dict(load_file(broken / "train" / "model.safetensors"))
    weights["model.norm.weight"] = weights["model.norm.weight"] * float("nan")
    save_file(weights, broken / "train" / "model.safetensors", metadata={"format": "pt"})
    folder = make_job(tmp_path / "job", broken)
    status, out, _ = run_to_end(folder)
    assert status == FAULT
    told = json.loads(out.splitlines()[-1])
    assert told["message"].startswith("Training diverged at step 1")
    assert not (folder / "adapter").exists()


def test_b31_rows_longer_than_the_model_may_see_are_named(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path / "job", tiny, max_length=64)
    long = {"prompt": [{"role": "user", "content": "Q?"}], "completion": "word " * 20}
    (folder / "rows.jsonl").write_text(json.dumps(long) + "\n")
    status, out, _ = run_to_end(folder)
    assert status == FAULT
    assert "longer than 64 tokens" in json.loads(out.splitlines()[-1])["message"]


def test_a_run_stops_early_on_rows_set_apart_and_ends_with_the_best_weights(
    tiny: Path, tmp_path: Path
) -> None:
    folder = make_job(
        tmp_path / "job", tiny, stop_floor=8, stop_share=0.25, eval_steps=1, patience=2,
        learning_rate=0.3, warmup=0.0, epochs=12,
    )  # fmt: skip
    status, _, errors = run_to_end(folder)
    assert status == 0, errors[-3000:]
    result = json.loads((folder / TRAINED).read_text())
    looks = {p["step"]: p["eval_loss"] for p in curve.points(folder, "sft") if "eval_loss" in p}
    assert result["rows_apart"] == 2
    assert result["rows"] == 6
    assert result["stopped_early"]
    assert result["steps"] < 36
    assert looks[result["best_step"]] == result["eval_loss"]
    # The best but for noise: a later gain below 0.002 is not taken for one.
    assert result["eval_loss"] <= min(looks.values()) + 0.002


def test_b29_early_stop_survives_a_kill(tiny: Path, tmp_path: Path) -> None:
    chosen: dict[str, Any] = {"stop_floor": 8, "stop_share": 0.25, "eval_steps": 2}
    first = make_job(tmp_path / "first", tiny, **chosen)
    status, _, errors = run_to_end(first)
    assert status == 0, errors[-3000:]
    folder = make_job(tmp_path / "job", tiny, **chosen)
    child = start(folder)
    _await_step(folder, child, 5)
    child.kill()
    child.communicate(timeout=60)
    status, _, errors = run_to_end(folder)
    assert status == 0, errors[-3000:]
    again, once = weights(folder), weights(first)
    assert all((again[name] == once[name]).all() for name in once)
    assert curve.points(folder, "sft")[-1]["eval_loss"] > 0
