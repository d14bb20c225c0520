"""`parlance bench train`: our trainer beside the plain one."""

from __future__ import annotations

import click

from server import config
from server.cli import emit, json_option, progress_bar
from tuning.bench import compare as bench


def add_bench(group: click.Group) -> None:
    """Add `train` to the bench group, which other packages may have made already."""
    benches = group.commands.get("bench")
    if not isinstance(benches, click.Group):
        benches = click.Group("bench", help="Figures beside a reference, as ratios in one run.")
        group.add_command(benches)
    benches.add_command(bench_train)


@click.command("train")
@click.option("--rows", default=24, show_default=True, help="Rows to train on.")
@click.option("--steps", default=6, show_default=True, help="Steps of four rows, about.")
@click.option("--rounds", default=1, show_default=True, help="Runs of each side, in turn.")
@click.option(
    "--dtype", default="both", type=click.Choice(["fp32", "bf16", "both"]), show_default=True
)
@json_option
def bench_train(rows: int, steps: int, rounds: int, dtype: str, as_json: bool) -> None:
    """Train beside TRL's SFTTrainer: the same rows, order, seed, batch and precision."""
    settings = config.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    units = bench.processor_multiplies_bf16()
    dtypes = {"fp32": ("fp32",), "bf16": ("bf16",), "both": ("fp32", "bf16")[: 1 + units]}
    asked = bench.Bench(rows=rows, steps=steps, rounds=rounds, dtypes=dtypes[dtype])
    found = bench.bench_train(settings, asked, progress_bar())
    if dtype == "both" and not units:
        found["skipped"] = (
            "bf16 was left out: this processor has no units for it, the plain trainer would take "
            "many minutes. Ask for it with --dtype bf16."
        )
    emit(as_json, found, bench.told(found))
