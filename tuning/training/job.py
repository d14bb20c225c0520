"""A training job's folder: what it was asked to do, and its rows as token ids."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from server.errors import Invalid, Unavailable
from server.llm.tokenizer import ChatTokenizer
from tuning.child import read_json
from tuning.config import TuningConfig
from tuning.data.rows import Encoded, Row, encode, read_rows
from tuning.training.stopping import set_apart

# Below the job folder; the first holds the others, so that a run's end removes all.
CHECKPOINTS = {"sft": "checkpoints", "dpo": "checkpoints/dpo", "kto": "checkpoints/kto"}
# Two checkpoints of what is trained with its two moments, and itself, as bytes a weight.
_BYTES_A_WEIGHT = 28
_SPARE = 3


@dataclass(frozen=True, slots=True)
class Job:
    """A job folder, read."""

    folder: Path
    prepared: Path
    config: TuningConfig

    @classmethod
    def read(cls, folder: Path) -> Job:
        found = read_json(folder / "job.json")
        config = TuningConfig.from_dict(found["config"])
        return cls(folder, Path(found["prepared"]), config)

    @property
    def tokenizer(self) -> ChatTokenizer:
        return ChatTokenizer(self.prepared / "serving")


@dataclass(frozen=True, slots=True)
class Sides:
    """Encoded rows: those trained on, and those set apart to stop by."""

    train: list[Encoded]
    apart: list[Encoded]


def sft_rows(job: Job) -> Sides:
    """The rows of `rows.jsonl`; Invalid if there are none or one is too long."""
    rows = read_rows(job.folder / "rows.jsonl")
    if not rows:
        raise Invalid("There are no rows to train on.", hint="See parlance tune readiness KEY.")
    return divided(job, rows)[0]


def divided(job: Job, rows: Sequence[Row]) -> tuple[Sides, frozenset[int]]:
    """Encode rows and set some apart, named by their place; Invalid if one is too long."""
    tokenizer, config = job.tokenizer, job.config
    encoded = [encode(tokenizer, row.prompt, row.completion) for row in rows]
    check_lengths(job, encoded)
    apart = set_apart(rows, share=config.stop_share, floor=config.stop_floor, seed=config.seed)
    sides = Sides(
        [row for n, row in enumerate(encoded) if n not in apart],
        [row for n, row in enumerate(encoded) if n in apart],
    )
    return sides, apart


def check_lengths(job: Job, rows: Sequence[Encoded]) -> None:
    """Invalid if a row is longer than the run allows: cut, it would teach half a reply."""
    if long := [row for row in rows if len(row.ids) > job.config.max_length]:
        raise Invalid(
            f"{len(long)} rows are longer than {job.config.max_length} tokens.",
            hint="Leave them out, or raise the run's max_length.",
        )


def check_space(folder: Path, weights: int) -> None:
    """Unavailable if the disk has no room for checkpoints of so many trained weights."""
    needed = _SPARE * _BYTES_A_WEIGHT * weights
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Unavailable(
            f"Training wants {needed >> 20} MB of free disk, {folder} has {free >> 20} MB.",
            hint="Free some space and start the run again.",
        )
