"""The loss curve of a run, as training writes it line by line: step, loss, eval_loss, seconds."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CURVE = "curve.jsonl"
# As many points as a plot of a phone's width can show.
_MOST = 120

Point = dict[str, float]


def read_curve(job: Path) -> list[Point]:
    """The points so far, in order of steps; a line that is half written is left for later.

    A run that was taken up again writes its last steps twice: the later line counts.
    """
    try:
        lines = (job / CURVE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    points: dict[float, Point] = {}
    for line in lines:
        try:
            point = _point(json.loads(line))
        except ValueError:
            continue
        if point is not None:
            points[point["step"]] = points.get(point["step"], {}) | point
    return [points[step] for step in sorted(points)]


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


def _point(row: Any) -> Point | None:
    if not isinstance(row, dict) or not _is_number(row.get("step")):
        return None
    names = ("step", "loss", "eval_loss", "seconds")
    return {name: float(row[name]) for name in names if _is_number(row.get(name))}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
