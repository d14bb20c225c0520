"""`python -m tests.sabotage`: train every kind of sabotage, ask the gate, print one table.

What is done is kept in build/sabotage and not done again; `--fresh` begins anew. About two minutes
a cell on two cores.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.answering.answer import persona_of
from tests.sabotage.cell import PAIRS, halves, honest_pairs, run
from tests.sabotage.kinds import KINDS, make
from tests.sabotage.table import table
from tests.tuning.faq_voice import replies
from tests.voices.bench import Bench
from tuning.child import write_json
from tuning.evaluation.gate import Gate

OUTPUT = Path("build/sabotage")
HOME = Path("var/test")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the cells that are missing and print the table."""
    chosen = _options(arguments)
    if chosen.fresh:
        shutil.rmtree(OUTPUT, ignore_errors=True)
    wanted = [(kind, seed) for seed in range(chosen.seeds) for kind in chosen.kinds]
    missing = [cell for cell in wanted if not _file(*cell).is_file()]
    if missing and not chosen.table:
        bench = Bench.open(OUTPUT, HOME, replies(PAIRS))
        train, held_out = halves(honest_pairs(bench))
        for n, (kind, seed) in enumerate(missing, start=1):
            sys.stderr.write(f"{n}/{len(missing)} {kind}, seed {seed}\n")
            sabotage = make(kind, train, persona_of(bench.assistant), seed)
            write_json(_file(kind, seed), run(bench, sabotage, held_out))
    sys.stdout.write(table(_read(wanted)) + "\n")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=__doc__)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fresh", action="store_true", help="forget the cells that were done")
    parser.add_argument("--table", action="store_true", help="print what is there, train nothing")
    return parser.parse_args(arguments)


def _file(kind: str, seed: int) -> Path:
    return OUTPUT / f"{kind.replace(' ', '-')}-{seed}.json"


def _read(cells: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    there = [path for cell in cells if (path := _file(*cell)).is_file()]
    return [_judged(json.loads(path.read_text(encoding="utf-8"))) for path in there]


def _judged(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell with what the gate says today: its margins may have moved since it was made."""
    if "metrics" not in cell:
        return cell
    decision = Gate().decide(cell["metrics"])
    return cell | {"hard": list(decision.hard), "soft": list(decision.soft)}


if __name__ == "__main__":
    raise SystemExit(main())
