"""Small plots as numbers for inline SVG: intervals on a common line, and loss curves. Pure.

Every plot is a box of 100 by 100 that the page stretches; labels stand beside it, as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from server.web.console.tuning.measures import Measure


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a difference and its 95 % interval lie; zero stands in the middle, at 50."""

    low: float
    middle: float
    high: float
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A loss curve. `line`, `kept_aside`: points as SVG has them; `top`, `bottom`: the loss at the
    edges; `first`, `last`: steps."""

    line: str
    kept_aside: str
    dots: tuple[tuple[float, float], ...]
    top: float
    bottom: float
    first: int
    last: int
    newest: float


_TONES = {"better": "good", "worse": "bad"}


def interval(
    difference: float | None,
    low: float | None,
    high: float | None,
    *,
    better: str,
    share: bool,
    digits: int = 2,
) -> Interval | None:
    """Place an interval; None where there is none. Surely better or worse only if it leaves zero
    out."""
    if difference is None or low is None or high is None:
        return None
    reach = max(abs(low), abs(high), abs(difference), 1e-9) * 1.15
    at_low, at_middle, at_high = (
        round(50 + 50 * value / reach, 2) for value in (low, difference, high)
    )
    if low > 0 or high < 0:
        good = (high < 0) == (better == "less")
        tone, sure = ("good", "surely better") if good else ("bad", "surely worse")
        if not better:
            tone, sure = "muted", "surely different"
    else:
        tone, sure = "muted", "could be chance"
    at, start, end = (
        _signed(100 * value, 0) if share else _signed(value, digits)
        for value in (difference, low, high)
    )
    told = f"{at}{' points' if share else ''} ({start} to {end}), {sure}"
    return Interval(at_low, at_middle, at_high, tone, told)


def interval_of(measure: Measure) -> Interval | None:
    """The plot of a report's row; a sure loss that the rules allow is not alarming."""
    plot = interval(
        measure.difference,
        measure.low,
        measure.high,
        better=measure.better,
        share=measure.is_share,
        digits=measure.digits,
    )
    if plot is None or plot.tone != "bad" or measure.verdict != "no worse":
        return plot
    words = plot.words.replace("surely worse", "a little worse, within what is allowed")
    return replace(plot, tone="muted", words=words)


def curve(points: Sequence[dict[str, Any]]) -> Curve | None:
    """Draw a loss curve; None before there are two points."""
    trained = [(float(p["step"]), float(p["loss"])) for p in points if "loss" in p]
    aside = [(float(p["step"]), float(p["eval_loss"])) for p in points if "eval_loss" in p]
    if len(trained) < 2:
        return None
    steps = [step for step, _ in trained + aside]
    values = [value for _, value in trained + aside]
    first, last = min(steps), max(steps)
    bottom, top = min(values), max(values)
    span, height = (last - first) or 1.0, (top - bottom) or 1.0

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        return round(100 * (x - first) / span, 2), round(96 - 92 * (y - bottom) / height, 2)

    return Curve(
        line=_points([place(p) for p in trained]),
        kept_aside=_points([place(p) for p in aside]),
        dots=tuple(place(p) for p in aside),
        top=top,
        bottom=bottom,
        first=int(first),
        last=int(last),
        newest=trained[-1][1],
    )


def _signed(value: float, digits: int) -> str:
    """A change with its sign; none where nothing is left of it."""
    text = f"{value:+.{digits}f}"
    return text if float(text) else text[1:]


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)
