"""The sabotage table as text: what was caught, by which rule, and what was rightly let pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.sabotage.kinds import CONTROLS

_WIDTH = 86


def table(cells: Sequence[dict[str, Any]]) -> str:
    """One line a cell, then the counts."""
    lines = [f"{'kind':20} seed  took  {'the gate said':{_WIDTH}} seconds"]
    for cell in sorted(cells, key=lambda c: (c["kind"], c["seed"])):
        spent = "+".join(f"{s:.0f}" for s in cell["seconds"].values())
        took = "yes" if cell["took"] else "no"
        head = f"{cell['kind']:20} {cell['seed']:>4}  {took:4}"
        lines.append(f"{head}  {_said(cell)[:_WIDTH]:{_WIDTH}} {spent}")
    return "\n".join([*lines, "", *_counts(cells)])


def caught(cell: dict[str, Any]) -> bool:
    """Whether the gate refused it, by whatever rule."""
    return bool(cell["hard"] or cell["soft"])


def _counts(cells: Sequence[dict[str, Any]]) -> list[str]:
    bad = [c for c in cells if c["kind"] not in CONTROLS]
    real = [c for c in bad if c["took"]]
    copies = [c for c in cells if c["kind"] == CONTROLS[0]]
    honest = [c for c in cells if c["kind"] == CONTROLS[1]]
    return [
        f"sabotaged: {sum(map(caught, real))} of {len(real)} caught, "
        f"{sum(bool(c['hard']) for c in real)} of them by a hard rule; "
        f"{len(bad) - len(real)} did not take",
        f"copies of the base: {sum(not c['hard'] for c in copies)} of {len(copies)} pass the hard "
        f"rules, {sum(bool(c['soft']) for c in copies)} are called no benefit",
        f"honest voices: {sum(not c['hard'] for c in honest)} of {len(honest)} pass the hard "
        f"rules, {sum(not caught(c) for c in honest)} pass altogether",
    ]


def _said(cell: dict[str, Any]) -> str:
    if not caught(cell):
        return "passed"
    found = [("hard", one) for one in cell["hard"]] + [("soft", one) for one in cell["soft"]]
    more = f" (+{len(found) - 1})" if len(found) > 1 else ""
    return f"{found[0][0]}: {found[0][1]}"[: _WIDTH - len(more)] + more
