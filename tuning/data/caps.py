"""Caps: how much one visitor, one day and refusals may supply, so that none of them dominates.

A visitor is what the conversation log knows as one: a pseudonym. No IP address is stored, so there
is nothing finer to cap by; that a flood comes under many pseudonyms is met by the cap of a day, by
the collapse of near copies, and by the reviewer (A65 to A67).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import floor

from tuning.config import TuningConfig
from tuning.data.candidates import REFUSAL, Candidate


@dataclass(frozen=True, slots=True)
class Caps:
    """The most pairs from one `visitor`, from one on one day (`visitor_day`), from all visitors
    on one `day`; `refusals`: their greatest share of all pairs. `team`: who is no visitor."""

    visitor: int = 10
    visitor_day: int = 5
    day: int = 200
    refusals: float = 0.1
    team: Collection[str] = frozenset()

    @classmethod
    def of(cls, config: TuningConfig, team: Collection[str] = frozenset()) -> Caps:
        return cls(
            visitor=config.visitor_cap,
            visitor_day=config.visitor_day_cap,
            day=config.day_cap,
            refusals=config.refusal_share,
            team=frozenset(team),
        )


def within(candidates: Sequence[Candidate], caps: Caps) -> tuple[list[Candidate], Counter[str]]:
    """Keep the first of each visitor and day; days are those of the question, in UTC."""
    counts: Counter[tuple[str, ...]] = Counter()
    dropped: Counter[str] = Counter()
    kept = []
    for candidate in candidates:
        limits = _limits(candidate, caps)
        full = next((told for key, most, told in limits if counts[key] >= most), None)
        if full is not None:
            dropped[full] += 1
            continue
        counts.update(key for key, _, _ in limits)
        kept.append(candidate)
    return kept, dropped


def few_refusals(candidates: Sequence[Candidate], share: float) -> tuple[list[Candidate], int]:
    """Keep the first refusals, up to their share of what is kept; and how many are too many.

    A set with 60 % of refusals teaches to refuse what could be answered (reference/quality.md).
    """
    replies = sum(candidate.kind != REFUSAL for candidate in candidates)
    allowed = floor(share * replies / (1 - share) + 1e-9)
    kept, seen = [], 0
    for candidate in candidates:
        seen += candidate.kind == REFUSAL
        if candidate.kind != REFUSAL or seen <= allowed:
            kept.append(candidate)
    return kept, len(candidates) - len(kept)


def _limits(candidate: Candidate, caps: Caps) -> list[tuple[tuple[str, ...], int, str]]:
    """(what is counted, how much of it, what is told of too much)."""
    visitor, asked_at = candidate.lineage.visitor_id, candidate.lineage.asked_at
    if not visitor or asked_at is None or visitor in caps.team:
        return []
    day = asked_at.date().isoformat()
    return [
        (("visitor", visitor), caps.visitor, "its visitor has supplied enough"),
        (("visitor", visitor, day), caps.visitor_day, "its visitor has supplied enough that day"),
        (("day", day), caps.day, "that day has supplied enough"),
    ]
