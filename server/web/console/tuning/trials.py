"""How a canary or a promoted voice stands, as rows with small plots. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from server.rollout.rates import FLOOR, Compared
from server.rollout.verdicts import Judgement
from server.store.canaries import Canary
from server.web.console.tuning.charts import Interval, interval


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of outcome in both groups, with the plot of its difference."""

    compared: Compared
    plot: Interval | None


@dataclass(frozen=True, slots=True)
class Trialled:
    """A canary under way. `tried`, `others`: turns in each group so far; `wanted`: enough."""

    canary: Canary
    rows: list[Row]
    tried: int
    others: int
    wanted: int


def trialled(canary: Canary, judged: Judgement) -> Trialled:
    first = judged.rows[0] if judged.rows else None
    return Trialled(
        canary=canary,
        rows=plotted(judged.rows),
        tried=first.n_after if first else 0,
        others=first.n_before if first else 0,
        wanted=max(canary.turns, FLOOR),
    )


def plotted(rows: Sequence[Compared]) -> list[Row]:
    """Rows with plots: less of each outcome is better."""
    return [Row(row, _plot(row)) for row in rows]


def _plot(row: Compared) -> Interval | None:
    """Alarming only where the rule that rolls back is sure, which looks often and is stricter."""
    plot = interval(row.difference, row.low, row.high, better="less", share=True)
    few = min(row.n_before, row.n_after) < FLOOR
    if plot is None or plot.tone != "bad" or (row.surely_worse and not few):
        return plot
    words = plot.words.replace("surely worse", "too few turns" if few else "not sure yet")
    return replace(plot, tone="muted", words=words)
