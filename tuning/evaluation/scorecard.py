"""The scorecard: one line a figure, in plain words, with its interval and what it says. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tuning.evaluation.paired import FEWEST, Compared, compare_means, compare_shares

Direction = Literal["more", "less", "none"]
BETTER, WORSE, NO_WORSE, UNSURE, SAME = "better", "worse", "no worse", "not sure", "same"
_DIGITS = 4
_NOTHING = Compared(0, math.nan, math.nan, -math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of two models on the same `n` items.

    `better`: which way is good; "none" where a figure only has to stay in a band. `margin`: how
    much worse is still taken for no worse. `hard`: whether the gate refuses by it, whatever else
    has become better. `share`: its figures are shares, from 0 to 1.
    """

    name: str
    title: str
    compared: Compared
    better: Direction
    margin: float
    hard: bool
    share: bool = False

    @property
    def verdict(self) -> str:
        """better or worse where the interval excludes zero (worse: and the margin is passed), no
        worse where it excludes a loss beyond the margin; otherwise there are too few items to tell:
        same where the figures are equal, else not sure."""
        c = self.compared
        if not c.n or self.better == "none":
            return ""
        gain = c.difference if self.better == "more" else -c.difference
        if c.p is None and c.n < FEWEST:
            return SAME if gain == 0 else UNSURE
        if c.is_sure() and gain > 0:
            return BETTER
        if c.is_sure() and -gain > self.margin:
            return WORSE
        if c.is_no_worse(self.margin, more_is_better=self.better == "more"):
            return NO_WORSE
        return SAME if gain == 0 else UNSURE

    def as_row(self) -> dict[str, Any]:
        """The line as the report keeps it; figures that are no numbers are None, and all are
        where there was nothing to ask."""
        c = self.compared if self.compared.n else _NOTHING
        return {
            "name": self.name,
            "title": self.title,
            "n": c.n,
            "before": _number(c.before),
            "after": _number(c.after),
            "difference": _number(c.difference),
            "low": _number(c.low),
            "high": _number(c.high),
            "p": None if c.p is None else _number(c.p),
            "better": self.better,
            "margin": self.margin,
            "verdict": self.verdict,
            "hard": self.hard,
            "share": self.share,
        }


def shares(
    name: str,
    title: str,
    before: Sequence[bool],
    after: Sequence[bool],
    *,
    better: Direction = "more",
    margin: float = 0.05,
    hard: bool = False,
) -> Line:
    """A line on how many of the same items are so."""
    return Line(name, title, compare_shares(before, after), better, margin, hard, share=True)


def means(
    name: str,
    title: str,
    before: Sequence[float],
    after: Sequence[float],
    *,
    seed: int,
    better: Direction = "more",
    margin: float = 0.05,
    hard: bool = False,
    weights: Sequence[float] | None = None,
    share: bool = False,
) -> Line:
    """A line on the mean of a value of the same items."""
    found = compare_means(before, after, seed=seed, weights=weights)
    return Line(name, title, found, better, margin, hard, share=share)


def _number(value: float) -> float | None:
    return round(value, _DIGITS) if math.isfinite(value) else None
