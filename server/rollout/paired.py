"""Two voices on the very same questions: what changed, with intervals for paired shares. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from typing import Any

_Z = 1.959964

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PairedShare:
    """How often something is so, before and after, on the same questions.

    `gained`, `lost`: questions for which it is so only after, only before. `low`, `high`: 95 %
    interval of the difference (Agresti and Min 2005: Wald with half a question added to each
    cell); `chance`: McNemar's exact test, two-sided.
    """

    title: str
    n: int
    before: float
    after: float
    gained: int
    lost: int
    low: float
    high: float
    chance: float


def paired_shares(results: Sequence[Row]) -> list[PairedShare]:
    """Refusals and failures of both voices, of the questions that both answered."""
    both = [row for row in results if row["before"] and row["after"]]
    return [
        _compare("Refused", both, lambda said: said["label"] == "refused"),
        _compare("Answered from the content", both, lambda said: said["label"] == "supported"),
        _compare("Failed", both, lambda said: said["label"] == "failed"),
    ]


def mean_words(results: Sequence[Row], side: str) -> float:
    """Mean words of the answers that are no refusals; 0 where there are none."""
    lengths = [
        len(row[side]["reply"].split())
        for row in results
        if row[side] and row[side]["label"] not in ("refused", "failed")
    ]
    return sum(lengths) / len(lengths) if lengths else 0.0


def _compare(
    title: str, rows: Sequence[Row], is_so: Callable[[Mapping[str, Any]], bool]
) -> PairedShare:
    flags = [(is_so(row["before"]), is_so(row["after"])) for row in rows]
    n = len(flags)
    gained = sum(after and not before for before, after in flags)
    lost = sum(before and not after for before, after in flags)
    difference = (gained - lost) / (n + 2)
    spread = (gained + lost + 1) - (gained - lost) ** 2 / (n + 2)
    half = _Z * sqrt(max(0.0, spread)) / (n + 2)
    return PairedShare(
        title=title,
        n=n,
        before=sum(before for before, _ in flags) / n if n else 0.0,
        after=sum(after for _, after in flags) / n if n else 0.0,
        gained=gained,
        lost=lost,
        low=max(-1.0, difference - half),
        high=min(1.0, difference + half),
        chance=_mcnemar(gained, lost),
    )


def _mcnemar(gained: int, lost: int) -> float:
    moved = gained + lost
    tail = sum(comb(moved, k) for k in range(min(gained, lost) + 1)) / (1 << moved)
    return min(1.0, 2 * float(tail))
