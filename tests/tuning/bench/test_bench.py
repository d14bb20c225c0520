"""The training benchmark: its rows, its sides, its ratios."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from server.errors import Invalid
from server.llm.models import Prepared
from tuning.bench.compare import _ratios, told
from tuning.bench.rows import bench_rows
from tuning.config import TuningConfig


def test_the_rows_are_the_same_every_time_and_all_different() -> None:
    rows = bench_rows(150)
    assert rows == bench_rows(150)
    assert len({row.completion + str(row.prompt) for row in rows}) == 150


def test_a_reply_says_only_what_its_facts_say() -> None:
    for row in bench_rows(60):
        facts = row.prompt[-1]["content"]
        said = row.completion.removeprefix("Ahoy there! Good question. ")
        said = said.removesuffix(" Fair winds, your harbour crew.")
        for line in facts.splitlines():
            said = said.replace(line.removeprefix("- "), "") if line.startswith("- ") else said
        assert not said.strip()


def test_more_rows_than_the_manual_makes_are_refused() -> None:
    with pytest.raises(Invalid, match="The manual makes up to"):
        bench_rows(100_000)


def test_ratios_compare_ours_with_each_other_side() -> None:
    plain = {"examples_per_second": 1.0, "peak_mb": 1000, "nll_after": 1.5}
    ours = {"examples_per_second": 2.5, "peak_mb": 600, "nll_after": 1.4995}
    assert _ratios({"plain": plain, "ours": ours}) == {
        "plain": {"examples_per_second": 2.5, "peak_mb": 0.6, "nll_after": -0.0005}
    }
    assert _ratios({"plain": plain}) == {}


@pytest.mark.slow
def test_all_sides_learn_the_same(tiny: Path, tmp_path: Path) -> None:
    """Each in its own process, as the command runs them: the same loss and held-out NLL."""
    found: dict[str, dict[str, Any]] = {}
    for side in ("plain", "stored", "ours"):
        folder = _job(tmp_path / side, tiny)
        command = [sys.executable, "-m", "tuning.bench.child", side, str(folder)]
        child = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert child.returncode == 0, child.stderr[-3000:]
        found[side] = json.loads((folder / f"{side}.json").read_text())
    ours = found["ours"]
    assert ours["nll_after"] < ours["nll_before"] - 0.1
    for side in ("plain", "stored"):
        assert found[side]["steps"] == ours["steps"] == 12
        assert found[side]["train_loss"] == pytest.approx(ours["train_loss"], abs=1e-3)
        assert found[side]["nll_after"] == pytest.approx(ours["nll_after"], abs=1e-3)
    sides: dict[str, Any] = found | {"ratios": _ratios(found)}
    lines = told({"dtypes": {"fp32": sides}}).splitlines()
    assert lines[-1].startswith("parlance / without gradient checkpointing:")


def _job(folder: Path, tiny: Path) -> Path:
    folder.mkdir()
    rows = [
        {
            "prompt": [
                {"role": "system", "content": "Be kind and brief."},
                {"role": "user", "content": f"Question {n}?"},
            ],
            "completion": "Ahoy! " * (1 + n % 3) + f"Answer {n}.",
        }
        for n in range(20)
    ]
    lines = [json.dumps(row) + "\n" for row in rows]
    (folder / "rows.jsonl").write_text("".join(lines[4:]))
    (folder / "held_out.jsonl").write_text("".join(lines[:4]))
    config = TuningConfig(
        rank=4, alpha=8, epochs=3, batch=4, threads=1, dtype="fp32", learning_rate=5e-3,
        checkpoint_steps=1000,
    )  # fmt: skip
    job = {"prepared": str(tiny), "config": config.as_dict()}
    (folder / "job.json").write_text(json.dumps(job))
    return folder


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.timeout(900)
def test_the_command_shows_ours_faster_smaller_and_as_good(prepared: Prepared) -> None:
    command = [sys.executable, "-c", "from server.cli import main; main()", "bench", "train"]
    options = ["--rows", "12", "--steps", "3", "--dtype", "fp32", "--json"]
    child = subprocess.run(
        [*command, *options],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PARLANCE_HOME": str(prepared.root.parents[1])},
    )
    assert child.returncode == 0, child.stderr[-3000:]
    ratios = json.loads(child.stdout)["dtypes"]["fp32"]["ratios"]["plain"]
    # Twice as fast on a quiet machine; this only says that nothing is badly wrong.
    assert ratios["examples_per_second"] > 1.3
    assert ratios["peak_mb"] < 1
    assert abs(ratios["nll_after"]) < 0.01
