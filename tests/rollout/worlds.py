"""Simulated sites: how often the drift watch rolls back what is no worse, and what is.

`python -m tests.rollout.worlds` prints the table of the manual.
"""

from __future__ import annotations

import random

import click

from server.rollout.verdicts import judge_drift
from server.store.outcomes import TurnOutcome
from tests.rollout.turns import turn

_BEFORE, _AFTER, _WORLDS, _SEED = 400, 800, 200, 7


def rolled_back(before_rate: float, after_rate: float, *, worlds: int, turns: int) -> float:
    """The share of simulated sites on which the watch rolls back, at the given refusal rates."""
    generator = random.Random(_SEED)
    worse = 0
    for _ in range(worlds):
        before = _simulated(before_rate, _BEFORE, generator, 0)
        after = _simulated(after_rate, turns, generator, 10_000)
        worse += judge_drift(before, after).status is not None
    return worse / worlds


def _simulated(rate: float, n: int, generator: random.Random, first: int) -> list[TurnOutcome]:
    """Visitors ask one to four questions; each is refused by chance."""
    made: list[TurnOutcome] = []
    while len(made) < n:
        visitor = f"vis_{first}_{len(made)}"
        for _ in range(generator.randint(1, 4)):
            label = "refused" if generator.random() < rate else "supported"
            made.append(turn(first + len(made), visitor, label=label))
    return made[:n]


def _rolled_back(before_rate: float, after_rate: float, *, worlds: int, turns: int) -> float:
    generator = random.Random(7)
    worse = 0
    for _ in range(worlds):
        before = _simulated(before_rate, 400, generator, 0)
        after = _simulated(after_rate, turns, generator, 10_000)
        worse += judge_drift(before, after).status is not None
    return worse / worlds


def main() -> None:
    """Print how often it rolls back, by the rate before and after and the turns seen."""
    click.echo("rate before  rate after  turns since  rolled back")
    for before, after in ((0.05, 0.05), (0.15, 0.15), (0.15, 0.20), (0.15, 0.25), (0.15, 0.30)):
        for turns in (50, 100, 200, _AFTER):
            found = rolled_back(before, after, worlds=_WORLDS, turns=turns)
            click.echo(f"{before:11.0%}  {after:10.0%}  {turns:11}  {found:11.1%}")


if __name__ == "__main__":
    main()
