"""Two groups of turns beside each other: shares, intervals, and looking more than once. Pure.

The interval is Newcombe's hybrid score interval for the difference of two shares (Statistics in
Medicine 17, 1998, method 10). Turns of one visitor are not independent, so each group counts as
many turns as its design effect leaves (Kish 1965). Looking again and again would find a difference
by chance sooner or later: each look spends a part of the whole error, 1/((k+1)(k+2)) at look k,
which add up to one however long it goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

from server.store.outcomes import TurnOutcome

# Below so many turns on each side nothing is concluded.
FLOOR = 50
# Nor below so many visitors: what a handful of them think of it is no rate.
_FEWEST_VISITORS = 10
_ERROR = 0.05
_SHOWN = 0.95

# (name, title): each a share of turns that should not rise.
KINDS = (
    ("disliked", "Thumbs down"),
    ("refused", "Refused"),
    ("handed_over", "Handed to a person"),
    ("failed", "Failed"),
)


@dataclass(frozen=True, slots=True)
class Share:
    """How often something happened; `turns` as many as they are worth, at most as many as asked."""

    hits: int
    asked: int
    turns: float

    @property
    def rate(self) -> float:
        return self.hits / self.asked if self.asked else 0.0

    def bounds(self, z: float) -> tuple[float, float]:
        """Wilson's score interval."""
        if not self.turns:
            return 0.0, 1.0
        n, p = self.turns, self.rate
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of outcome, before and after. `low` and `high`: 95 % interval of the difference.

    `surely_worse`: the difference is above zero at the error that this look may spend.
    """

    name: str
    title: str
    before: float
    after: float
    n_before: int
    n_after: int
    difference: float
    low: float
    high: float
    surely_worse: bool

    def as_row(self) -> dict[str, Any]:
        return {n: round(v, 4) if isinstance(v, float) else v for n, v in asdict(self).items()}


def compare(
    before: Sequence[TurnOutcome], after: Sequence[TurnOutcome], *, look: int
) -> list[Compared]:
    """Compare all kinds of outcomes at the `look`-th look (0 is the first)."""
    error = _ERROR / len(KINDS) / ((look + 1) * (look + 2))
    strict = NormalDist().inv_cdf(1 - error)
    enough = min(map(_visitors, (before, after))) >= _FEWEST_VISITORS
    shown = NormalDist().inv_cdf((1 + _SHOWN) / 2)
    rows = []
    for name, title in KINDS:
        old, new = share(before, name), share(after, name)
        low, high = difference_bounds(old, new, shown)
        rows.append(
            Compared(
                name=name,
                title=title,
                before=old.rate,
                after=new.rate,
                n_before=old.asked,
                n_after=new.asked,
                difference=new.rate - old.rate,
                low=low,
                high=high,
                surely_worse=enough and difference_bounds(old, new, strict)[0] > 0,
            )
        )
    return rows


def difference_bounds(old: Share, new: Share, z: float) -> tuple[float, float]:
    """The interval of new minus old."""
    difference = new.rate - old.rate
    (old_low, old_high), (new_low, new_high) = old.bounds(z), new.bounds(z)
    low = difference - sqrt((new.rate - new_low) ** 2 + (old_high - old.rate) ** 2)
    high = difference + sqrt((new_high - new.rate) ** 2 + (old.rate - old_low) ** 2)
    return low, high


def share(outcomes: Iterable[TurnOutcome], name: str) -> Share:
    """Count one kind of outcome, with the turns weighed down where visitors are of one mind."""
    visitors: defaultdict[str, list[int]] = defaultdict(list)
    for outcome in outcomes:
        visitors[outcome.visitor_id].append(int(happened(outcome, name)))
    asked = sum(map(len, visitors.values()))
    hits = sum(map(sum, visitors.values()))
    return Share(hits, asked, asked / _design_effect(list(visitors.values()), hits, asked))


def happened(outcome: TurnOutcome, name: str) -> bool:
    """Whether this kind of outcome befell the turn."""
    if name == "disliked":
        return outcome.disliked
    return (outcome.status if name == "failed" else outcome.label) == name


def looks(turns: int) -> Iterator[tuple[int, int]]:
    """(look, turns it takes) for all looks that so many turns allow: 50, 100, 200, 400, ..."""
    look, wanted = 0, FLOOR
    while wanted <= turns:
        yield look, wanted
        look, wanted = look + 1, wanted * 2


def _visitors(outcomes: Iterable[TurnOutcome]) -> int:
    return len({outcome.visitor_id for outcome in outcomes})


def _design_effect(groups: Sequence[Sequence[int]], hits: int, asked: int) -> float:
    """By how much visitors' turns vary more together than each on its own; at least 1.

    Of a single visitor, or where it befell every turn, that cannot be told: each visitor then
    counts once, so that nobody decides alone by asking often.
    """
    if not hits:
        return 1.0
    if len(groups) < 2 or hits == asked:
        return asked / len(groups)
    rate = hits / asked
    spread = sum((sum(own) - rate * len(own)) ** 2 for own in groups)
    clustered = spread / asked**2 * len(groups) / (len(groups) - 1)
    return max(1.0, clustered / (rate * (1 - rate) / asked))
