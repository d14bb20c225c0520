"""Two models on the same items: intervals of a difference, exact tests, non-inferiority. Pure.

Items are paired: what one model does on an item is compared with what the other does on it, so
that easy and hard items cancel out and far fewer are needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

_RESAMPLES = 2000
# A bootstrap of fewer items than these is far too narrow to say anything by.
FEWEST = 6
_Z = 1.959963984540054  # 95 %, two-sided
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure before and after on `n` items, and the 95 % interval of the change; `p`: McNemar's,
    where the items are yes or no."""

    n: int
    before: float
    after: float
    low: float
    high: float
    p: float | None = None

    @property
    def difference(self) -> float:
        return self.after - self.before

    def is_sure(self) -> bool:
        """Whether the interval excludes zero: the change is not chance."""
        return self.low > 0 or self.high < 0

    def is_no_worse(self, margin: float, *, more_is_better: bool) -> bool:
        """Non-inferiority: the whole interval lies on the right side of a margin."""
        return self.low > -margin if more_is_better else self.high < margin


def compare_shares(before: Sequence[bool], after: Sequence[bool]) -> Compared:
    """Compare two shares of the same items.

    The interval is Newcombe's for paired proportions (1998, method 10): unlike a bootstrap it has
    a width where no item changed, and unlike Wald's it stays right for few items and extreme
    shares.
    """
    n = len(before)
    if not n:
        return Compared(0, 0.0, 0.0, -1.0, 1.0)
    pairs = list(zip(before, after, strict=True))
    both = sum(b and a for b, a in pairs)
    gained = sum(a and not b for b, a in pairs)
    lost = sum(b and not a for b, a in pairs)
    neither = n - both - gained - lost
    p1, p2 = (both + gained) / n, (both + lost) / n
    (l1, u1), (l2, u2) = wilson(both + gained, n), wilson(both + lost, n)
    phi = _phi(both, gained, lost, neither)
    down = _root((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    up = _root((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    return Compared(n, p2, p1, p1 - p2 - down, p1 - p2 + up, mcnemar(before, after))


def compare_means(
    before: Sequence[float],
    after: Sequence[float],
    *,
    seed: int,
    weights: Sequence[float] | None = None,
) -> Compared:
    """Compare two means of the same items by a paired bootstrap over items (percentiles).

    `weights` (tokens, for losses given in nats an item): a mean is then the sum of the values over
    the sum of the weights.
    """
    n = len(before)
    if not n:
        return Compared(0, 0.0, 0.0, -math.inf, math.inf)
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    over = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    chosen = np.random.default_rng(seed).integers(0, n, size=(_RESAMPLES, n))
    changes = (second - first)[chosen].sum(axis=1) / over[chosen].sum(axis=1)
    low, high = (float(bound) for bound in np.quantile(changes, [0.025, 0.975]))
    total = float(over.sum())
    return Compared(n, float(first.sum()) / total, float(second.sum()) / total, low, high)


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> float:
    """McNemar's exact test, two-sided: how likely so lopsided a change is by chance alone."""
    pairs = list(zip(before, after, strict=True))
    gained = sum(a and not b for b, a in pairs)
    lost = sum(b and not a for b, a in pairs)
    changed, fewer = gained + lost, min(gained, lost)
    if not changed:
        return 1.0
    tail: float = sum(math.comb(changed, k) for k in range(fewer + 1)) / 2**changed
    return min(1.0, 2 * tail)


def wilson(count: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `count` in `n`."""
    share, square = count / n, _Z * _Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def mean(values: Sequence[float]) -> float:
    """The mean, 0 of nothing, rounded as reports show it."""
    return round(fmean(values), _DIGITS) if values else 0.0


def _phi(both: int, gained: int, lost: int, neither: int) -> float:
    """The correlation of the two models' outcomes, with Newcombe's correction for continuity."""
    n = both + gained + lost + neither
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    if not margins:
        return 0.0
    cross = both * neither - gained * lost
    corrected = max(cross - n / 2, 0) if cross > 0 else cross
    return corrected / math.sqrt(margins)


def _root(square: float) -> float:
    return math.sqrt(max(0.0, square))
