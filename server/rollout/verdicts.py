"""What the figures of a new voice come to: go on, promote, or roll back; and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from server.rollout.rates import FLOOR, Compared, compare, looks
from server.store.canaries import PROMOTED, ROLLED_BACK, UNDECIDED, Canary
from server.store.outcomes import TurnOutcome

# So much more of a bad outcome still counts as no worse: less cannot be told at these numbers.
MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Judgement:
    """`status`: how a canary ends, None while it goes on. `rows`: what it was judged by."""

    status: str | None
    reason: str
    rows: list[Compared]


def judge_canary(canary: Canary, outcomes: Sequence[TurnOutcome], *, now: datetime) -> Judgement:
    """Judge a canary by all turns since its start, both groups of the very same time.

    A visitor counts for the group it belongs to, whoever wrote the reply: many turns need no model
    at all, and leaving those out of one group only would make the two unlike.
    """
    if canary.served.get("ok") is False:
        why = str(canary.served.get("error") or "it does not answer as it was evaluated")
        return Judgement(ROLLED_BACK, f"The candidate cannot be served: {why}", [])
    new = [o for o in outcomes if canary.holds(o.visitor_id)]
    old = [o for o in outcomes if not canary.holds(o.visitor_id)]
    last = 0
    for look, wanted in looks(min(len(new), len(old))):
        last = look
        end = max(new[wanted - 1].seq, old[wanted - 1].seq)
        rows = compare(_up_to(old, end), _up_to(new, end), look=look)
        if worse := _worst(rows):
            return Judgement(ROLLED_BACK, _surely(worse), rows)
    rows = compare(old, new, look=last)
    enough = min(len(new), len(old)) >= max(canary.turns, FLOOR)
    if not enough and now < canary.ends_at:
        return Judgement(None, "", rows)
    return _at_the_end(canary, rows, len(new), len(old), over=now >= canary.ends_at)


def judge_drift(before: Sequence[TurnOutcome], after: Sequence[TurnOutcome]) -> Judgement:
    """Judge a promoted voice by the turns since, against those of the time before."""
    last, last_rows = 0, []
    if len(before) >= FLOOR:
        for look, wanted in looks(len(after)):
            last = look
            last_rows = compare(before, after[:wanted], look=look)
            if worse := _worst(last_rows):
                return Judgement(ROLLED_BACK, _surely(worse), last_rows)
    return Judgement(None, "", compare(before, after, look=last))


def _at_the_end(
    canary: Canary, rows: list[Compared], new: int, old: int, *, over: bool
) -> Judgement:
    told = f"{new} turns with the candidate and {old} without"
    if min(new, old) < FLOOR:
        reason = f"Too few turns by the end: {told}, and each side needs {FLOOR}. Nothing changed."
        return Judgement(UNDECIDED, reason, rows)
    above = [row for row in rows if row.difference > MARGIN]
    if not above:
        return Judgement(PROMOTED, f"No worse after {told}.", rows)
    if not over:
        return Judgement(None, "", rows)
    return Judgement(ROLLED_BACK, f"Its time was over and it looked worse: {_told(above[0])}", rows)


def _worst(rows: Sequence[Compared]) -> Compared | None:
    sure = [row for row in rows if row.surely_worse]
    return max(sure, key=lambda row: row.difference, default=None)


def _surely(row: Compared) -> str:
    return f"Surely worse: {_told(row)}"


def _told(row: Compared) -> str:
    return (
        f"{row.title.lower()} in {row.after:.0%} of {row.n_after} turns, "
        f"{row.before:.0%} of {row.n_before} without it "
        f"(difference {row.difference:+.0%}, 95% interval {row.low:+.0%} to {row.high:+.0%})."
    )


def _up_to(outcomes: Sequence[TurnOutcome], seq: int) -> list[TurnOutcome]:
    return [o for o in outcomes if o.seq <= seq]
