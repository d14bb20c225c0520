"""Made-up outcomes of turns, for the tests of who does worse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from server.store.canaries import Canary
from server.store.outcomes import TurnOutcome

START = datetime(2026, 11, 1, tzinfo=UTC)


def turn(
    seq: int,
    visitor: str,
    *,
    label: str = "supported",
    status: str = "complete",
    disliked: bool = False,
    adapter: str | None = None,
) -> TurnOutcome:
    at = START + timedelta(minutes=seq)
    return TurnOutcome(seq, f"trn_{seq}", visitor, adapter, label, status, disliked, at)


def canary(
    *, turns: int = 100, share: float = 0.5, served: dict[str, object] | None = None
) -> Canary:
    return Canary(
        seq=1,
        id="can_x",
        assistant_id="ast_x",
        adapter_id="adp_x",
        activation_id=None,
        share=share,
        turns=turns,
        ends_at=START + timedelta(days=14),
        status="running",
        reason="",
        figures=[],
        served=served or {"ok": True},
        actor="ana",
        created_at=START,
        finished_at=None,
    )


def visitors_of(trial: Canary, *, held: bool, count: int) -> list[str]:
    """Visitors whom the canary holds, or does not."""
    names = (f"vis_{n}" for n in range(100_000))
    chosen = (name for name in names if trial.holds(name) == held)
    return [next(chosen) for _ in range(count)]


def both(trial: Canary, n: int, *, refused: tuple[int, int] = (0, 0)) -> list[TurnOutcome]:
    """`n` turns of each group in turn; every k-th is refused: `refused` is (without, with)."""
    without = visitors_of(trial, held=False, count=n)
    tried = visitors_of(trial, held=True, count=n)
    made: list[TurnOutcome] = []
    for i in range(n):
        for names, every in ((without, refused[0]), (tried, refused[1])):
            label = "refused" if every and i % every == 0 else "supported"
            made.append(turn(len(made) + 1, names[i], label=label))
    return made


def alone(labels: Sequence[str], *, first: int = 1) -> list[TurnOutcome]:
    """Turns of visitors who ask one question each."""
    return [turn(first + n, f"vis_{first + n}", label=label) for n, label in enumerate(labels)]
