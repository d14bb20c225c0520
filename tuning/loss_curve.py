"""The loss curve of a run for the console, read from what training writes line by line.

A line has step, loss or eval_loss, seconds, and the phase where training has several.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuning.training.curve import lines

# As many points as a plot of a phone's width can show.
_MOST = 120

Point = dict[str, float]


def read_curve(job: Path) -> list[Point]:
    """The points so far, in order; a line that is half written is left for later.

    A run that was taken up again writes its last steps twice: the later line counts. The steps of
    a later phase go on where those of the phase before ended.
    """
    phases: dict[str, dict[float, Point]] = {}
    for row in lines(job):
        point = _point(row)
        if point is not None:
            own = phases.setdefault(str(row.get("phase", "")), {})
            own[point["step"]] = own.get(point["step"], {}) | point
    return _joined(list(phases.values()))


def thinned(points: Sequence[Point], most: int = _MOST) -> list[Point]:
    """At most so many points: evenly chosen, with the last, and every one that was measured on
    replies kept aside."""
    if len(points) <= most:
        return list(points)
    every = math.ceil(len(points) / most)
    return [
        point
        for n, point in enumerate(points)
        if n % every == 0 or n == len(points) - 1 or "eval_loss" in point
    ]


def _joined(phases: Sequence[dict[float, Point]]) -> list[Point]:
    joined: list[Point] = []
    for own in phases:
        before = joined[-1]["step"] if joined else 0.0
        joined += [own[step] | {"step": before + step} for step in sorted(own)]
    return joined


def _point(row: dict[str, Any]) -> Point | None:
    if not _is_number(row.get("step")):
        return None
    names = ("step", "loss", "eval_loss", "seconds")
    return {name: float(row[name]) for name in names if _is_number(row.get(name))}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
