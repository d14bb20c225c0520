"""The loss curve of a job: `curve.jsonl`, one line a measurement, appended and never rewritten.

A line is {"phase", "step", "seconds"} with "loss" (of the step's batch) or "eval_loss" (of the
replies set apart). A run taken up again repeats the steps after its checkpoint: the last line of
a step counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CURVE_FILE = "curve.jsonl"


def append(job: Path, **point: Any) -> None:
    """Add one measurement."""
    with (job / CURVE_FILE).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(point) + "\n")


def lines(job: Path) -> Iterator[dict[str, Any]]:
    """Every line so far; one that is torn or half written is left out."""
    try:
        text = (job / CURVE_FILE).read_text(encoding="utf-8")
    except OSError:
        return
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def points(job: Path, phase: str) -> list[dict[str, Any]]:
    """The measurements of a phase, one for each step, in order."""
    merged: dict[int, dict[str, Any]] = {}
    for found in lines(job):
        if found.get("phase") == phase:
            merged.setdefault(found["step"], {}).update(found)
    return [merged[step] for step in sorted(merged)]
