"""`python -m tests.curve.methods`: LoRA beside full training, SFT beside SFT+DPO and KTO.

All learn from the same corrections: the owner's reply and the base model's own draft to the same
prompt. SFT reads the corrected replies, DPO prefers them to the drafts, KTO takes the replies for
liked and the drafts for disliked. What is done is kept in build/methods and not done again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.llm.engine import Engine
from server.store.pairs import Pair
from tests.curve.cell import SIZES, Pool, told
from tests.curve.content import held_out, training
from tests.voices.bench import Bench
from tuning.child import write_json
from tuning.config import TuningConfig
from tuning.data.preferences import JUDGED_FILE, PREFERENCES_FILE
from tuning.evaluation.listening import drafts

OUTPUT = Path("build/methods")
HOME = Path("var/test")
CORRECTIONS = 48
_DRAFT_TOKENS = 96
METHODS: dict[str, dict[str, Any]] = {
    "LoRA, SFT": {},
    "full, SFT": {"tuned": "full"},
    "LoRA, SFT + DPO": {"method": "sft+dpo"},
    "LoRA, KTO": {"method": "kto"},
}
_COLUMNS = (
    ("nll_after", "held-out NLL"),
    ("style_after", "style"),
    ("facts_after", "facts right"),
    ("grounded_after", "grounded"),
    ("leak_candidate", "leak"),
    ("known_after", "known"),
    ("neutral_after", "neutral NLL"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the cells that are missing and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.curve.methods", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    wanted = [(name, seed) for seed in range(chosen.seeds) for name in METHODS]
    if missing := [cell for cell in wanted if not _file(*cell).is_file()]:
        _fill(missing)
    sys.stdout.write(_table(wanted) + "\n")
    return 0


def _fill(missing: Sequence[tuple[str, int]]) -> None:
    bench = Bench.open(OUTPUT, HOME, [*held_out(), *training(0)])
    pool = Pool(bench)
    for n, (name, seed) in enumerate(missing, start=1):
        sys.stderr.write(f"{n}/{len(missing)} {name}, seed {seed}\n")
        write_json(_file(name, seed), _cell(bench, pool, name, seed))


def _cell(bench: Bench, pool: Pool, name: str, seed: int) -> dict[str, Any]:
    rows = pool.first(CORRECTIONS, seed)
    config = TuningConfig(**{"seed": 7 + seed, "checkpoint_steps": 100, **METHODS[name]})
    folder = bench.lay(_file(name, seed).stem, rows, pool.aside, config, SIZES)
    write_corrections(folder, rows, _own_drafts(bench, rows))
    made = bench.run(folder)
    found = told(made, len(rows), seed) if made.report else {"reasons": made.decision.reasons}
    made.drop()
    return found | {"method": name, "seconds": made.seconds}


def write_corrections(folder: Path, rows: Sequence[Pair], worse: Sequence[str]) -> None:
    """The same corrections as preferences and as judged replies."""
    preferred, judged = [], []
    for row, draft in zip(rows, worse, strict=True):
        good, bad = _said(row.completion), _said(draft)
        preferred.append({"prompt": row.prompt, "chosen": good, "rejected": bad})
        judged.append({"prompt": row.prompt, "completion": good, "label": True})
        judged.append({"prompt": row.prompt, "completion": bad, "label": False})
    for name, lines in ((PREFERENCES_FILE, preferred), (JUDGED_FILE, judged)):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / name).write_text(text, encoding="utf-8")


def _own_drafts(bench: Bench, rows: Sequence[Pair]) -> list[str]:
    engine = Engine(bench.prepared.serving)
    try:
        return drafts(engine, [row.prompt for row in rows], _DRAFT_TOKENS)
    finally:
        engine.close()


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _file(name: str, seed: int) -> Path:
    plain = name.replace(",", "").replace(" + ", "-").replace(" ", "-").lower()
    return OUTPUT / f"{plain}-{seed}.json"


def _table(cells: Sequence[tuple[str, int]]) -> str:
    heads = " ".join(f"{title:>12}" for _, title in _COLUMNS)
    lines = [f"{'method':16} seed {heads} train s  the gate"]
    for name, seed in sorted(cells):
        if (path := _file(name, seed)).is_file():
            lines.append(_line(name, seed, json.loads(path.read_text(encoding="utf-8"))))
    return "\n".join(lines)


def _line(name: str, seed: int, cell: dict[str, Any]) -> str:
    figures = " ".join(f"{cell.get(key, float('nan')):12.3f}" for key, _ in _COLUMNS)
    said = "; ".join(cell["reasons"])[:90] or "passed"
    return f"{name:16} {seed:>4} {figures} {cell['seconds']['train']:7.0f}  {said}"


if __name__ == "__main__":
    raise SystemExit(main())
