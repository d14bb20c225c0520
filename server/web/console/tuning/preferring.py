"""Blind comparison: which answer stands first, and what the choices come to. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import comb, sqrt

from server.store.blind import AFTER, BEFORE, SAME, BlindChoice

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Preferred:
    """How often the new answer was preferred. `share` of those that preferred one; `low`, `high`:
    Wilson's 95% interval; `chance`: how likely so clear a result is if there is no difference
    (two-sided sign test)."""

    after: int
    before: int
    same: int
    people: int
    share: float | None
    low: float
    high: float
    chance: float

    @property
    def sentence(self) -> str:
        decided = self.after + self.before
        if not decided:
            return "Nobody preferred one of the two answers yet."
        if self.low > 0.5:
            verdict = "The new voice is preferred."
        elif self.high < 0.5:
            verdict = "The old voice is preferred."
        else:
            verdict = "That is not enough to tell the two apart."
        return (
            f"The new answer was preferred {self.after} of {decided} times "
            f"({self.share:.0%}, 95% interval {self.low:.0%} to {self.high:.0%}). {verdict}"
        )


def is_new_first(adapter_id: str, sample: int, person: str) -> bool:
    """Whether the new answer stands first: by chance, but the same whenever that person looks."""
    digest = blake2b(f"{adapter_id}\0{sample}\0{person}".encode(), digest_size=1).digest()
    return digest[0] % 2 == 0


def choice_of(pressed: str, *, new_first: bool) -> str:
    """What a pressed button means: first, second or same; "" for anything else."""
    if pressed == SAME:
        return SAME
    if pressed not in ("first", "second"):
        return ""
    return AFTER if (pressed == "first") == new_first else BEFORE


def comparable(samples: Sequence[Mapping[str, str]]) -> list[int]:
    """Numbers of the samples whose two answers differ at all."""
    return [
        n
        for n, sample in enumerate(samples)
        if " ".join(sample["before"].split()) != " ".join(sample["after"].split())
    ]


def preferred(choices: Sequence[BlindChoice]) -> Preferred:
    """Count choices: the newest of each person on each question."""
    after = sum(one.choice == AFTER for one in choices)
    before = sum(one.choice == BEFORE for one in choices)
    decided = after + before
    low, high = _wilson(after, decided)
    return Preferred(
        after=after,
        before=before,
        same=len(choices) - decided,
        people=len({one.person for one in choices}),
        share=after / decided if decided else None,
        low=low,
        high=high,
        chance=_sign_test(after, decided),
    )


def _wilson(hits: int, n: int) -> tuple[float, float]:
    if not n:
        return 0.0, 1.0
    p = hits / n
    middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n)) / (1 + _Z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _sign_test(hits: int, n: int) -> float:
    """Exact, two-sided: twice the smaller tail of the binomial with one half."""
    tail: float = sum(comb(n, k) for k in range(min(hits, n - hits) + 1)) / (1 << n)
    return min(1.0, 2 * tail)
