"""`python -m tests.curve`: how many example replies a voice needs, beside examples in the prompt.

For each count and seed a voice is trained as a run would, and asked 40 held-out questions; the
few-shot rival is asked the same. What is done is kept in build/curve and not done again; `--fresh`
begins anew. `--write` puts the table and the plot into the manual.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.curve import picture
from tests.curve.cell import Pool, point, prompted
from tests.curve.content import held_out, training
from tests.voices.bench import Bench
from tuning.child import write_json

OUTPUT = Path("build/curve")
HOME = Path("var/test")
COUNTS = (25, 50, 100, 200, 500)
PROMPTED = "prompted"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the cells that are missing and print the table."""
    chosen = _options(arguments)
    if chosen.fresh:
        shutil.rmtree(OUTPUT, ignore_errors=True)
    wanted = [(name, s) for s in range(chosen.seeds) for name in (PROMPTED, *chosen.counts)]
    missing = [cell for cell in wanted if not _file(*cell).is_file()]
    if missing and not chosen.table:
        _fill(missing)
    cells = _read(wanted)
    sys.stdout.write(picture.table(cells) + "\n")
    if chosen.write:
        picture.write(cells)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.curve", description=__doc__)
    parser.add_argument("--counts", nargs="+", type=int, default=COUNTS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fresh", action="store_true", help="forget the cells that were done")
    parser.add_argument("--table", action="store_true", help="print what is there, train nothing")
    parser.add_argument("--write", action="store_true", help="put table and plot into the manual")
    return parser.parse_args(arguments)


def _fill(missing: Sequence[tuple[object, int]]) -> None:
    bench = Bench.open(OUTPUT, HOME, [*held_out(), *training(0)[: 2 * max(COUNTS)]])
    pool = Pool(bench)
    for n, (name, seed) in enumerate(missing, start=1):
        sys.stderr.write(f"{n}/{len(missing)} {name}, seed {seed}\n")
        if name == PROMPTED:
            told = prompted(bench, pool, seed)
        else:
            told = point(bench, pool, int(str(name)), seed)
        write_json(_file(name, seed), told)


def _file(name: object, seed: int) -> Path:
    return OUTPUT / f"{name}-{seed}.json"


def _read(cells: Sequence[tuple[object, int]]) -> list[dict[str, Any]]:
    there = [path for cell in cells if (path := _file(*cell)).is_file()]
    return [json.loads(path.read_text(encoding="utf-8")) for path in there]


if __name__ == "__main__":
    raise SystemExit(main())
