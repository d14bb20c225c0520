"""The training benchmark: our trainer beside TRL's SFTTrainer, the same data, order and seed.

Each side runs in a process of its own, one after another, the order turned round each round. No
torch here: this is the parent.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from server.config import Settings
from server.llm.models import prepare
from tuning.bench.rows import bench_rows
from tuning.child import Children, Stage, read_json, write_json, write_lines
from tuning.config import TuningConfig
from tuning.data.rows import Row

SIDES = ("plain", "stored", "ours")
_HELD_OUT = 12
_NEVER = 1_000_000
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bench:
    """What to measure: `rows` to train on, about `steps` steps, `rounds` runs of each side."""

    rows: int = 24
    steps: int = 6
    rounds: int = 1
    dtypes: tuple[str, ...] = ("fp32",)
    sides: tuple[str, ...] = SIDES


def processor_multiplies_bf16() -> bool:
    """Whether the processor has bf16 units, by its flags; the parent loads no torch to ask."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def bench_train(settings: Settings, bench: Bench, show: Callable[[str, float], None]) -> Figures:
    """Run all sides; {"machine", "dtypes": {dtype: {side: figures, "ratios": {...}}}}."""
    prepared = prepare(settings.home, settings.model)
    made = bench_rows(bench.rows + _HELD_OUT)
    results: Figures = {}
    total = len(bench.dtypes) * bench.rounds * len(bench.sides)
    done = 0
    for dtype in bench.dtypes:
        found: dict[str, list[Figures]] = {side: [] for side in bench.sides}
        for turn in range(bench.rounds):
            # Turned round each time, so that a machine that slows down favours no side.
            for side in bench.sides if turn % 2 == 0 else reversed(bench.sides):
                show(f"{dtype}: {side}", done / total)
                found[side].append(_run(settings, bench, made, dtype, side, prepared.root))
                done += 1
        sides = {side: _middle(runs) for side, runs in found.items()}
        results[dtype] = sides | {"ratios": _ratios(sides)}
    return {
        "machine": {"cpus": os.cpu_count(), "load": os.getloadavg()[0]},
        "rows": bench.rows,
        "rounds": bench.rounds,
        "dtypes": results,
    }


def _run(
    settings: Settings, bench: Bench, rows: Sequence[Row], dtype: str, side: str, prepared: Path
) -> Figures:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=settings.home) as name:
        folder = Path(name)
        _write(folder / "rows.jsonl", rows[_HELD_OUT:])
        _write(folder / "held_out.jsonl", rows[:_HELD_OUT])
        batch = TuningConfig().batch
        epochs = max(1, round(bench.steps * batch / bench.rows))
        config = TuningConfig(
            dtype=dtype,
            epochs=epochs,
            checkpoint_steps=_NEVER,
            stop_share=0.0,
            threads=settings.tune_threads,
        )
        write_json(
            folder / "job.json",
            {"prepared": str(prepared.resolve()), "config": config.as_dict()},
        )
        stage = Stage("tuning.bench.child", [side, str(folder)], folder, dict(os.environ))
        Children().run(stage, report=lambda _told: None, is_cancelled=lambda: False)
        return read_json(folder / f"{side}.json")


def _write(path: Path, rows: Sequence[Row]) -> None:
    write_lines(path, [{"prompt": r.prompt, "completion": r.completion} for r in rows])


def _middle(runs: Sequence[Figures]) -> Figures:
    """The median of each figure over the rounds."""
    return {name: median(run[name] for run in runs) for name in runs[0]}


def _ratios(sides: dict[str, Figures]) -> Figures:
    """Ours over each other side: speed (more is better), memory (less is), loss (0 is equal)."""
    ours = sides.get("ours")
    if ours is None:
        return {}
    return {
        side: {
            "examples_per_second": round(
                ours["examples_per_second"] / other["examples_per_second"], 2
            ),
            "peak_mb": round(ours["peak_mb"] / other["peak_mb"], 2),
            "nll_after": round(ours["nll_after"] - other["nll_after"], 5),
        }
        for side, other in sides.items()
        if side != "ours"
    }


def told(results: Figures) -> str:
    """The figures for people, a table for each precision."""
    names = {
        "plain": "SFTTrainer",
        "stored": "  without gradient checkpointing",
        "ours": "parlance",
    }
    lines = []
    for dtype, sides in results["dtypes"].items():
        head = f"{dtype:34} {'rows/s':>7} {'tokens/s':>9} {'peak MB':>8} {'NLL before':>11}"
        lines.append(f"{head} {'after':>7}")
        for side, name in names.items():
            if (f := sides.get(side)) is not None:
                lines.append(
                    f"{name:34} {f['examples_per_second']:7.2f} {f['tokens_per_second']:9.0f}"
                    f" {f['peak_mb']:8.0f} {f['nll_before']:11.4f} {f['nll_after']:7.4f}"
                )
        for side, ratio in sides["ratios"].items():
            lines.append(
                f"parlance / {names[side].strip()}: {ratio['examples_per_second']:.2f} times the"
                f" rows, {ratio['peak_mb']:.2f} of the memory, NLL {ratio['nll_after']:+.4f}"
            )
    lines += [results["skipped"]] if "skipped" in results else []
    return "\n".join(lines)
