"""`make quality`: `parlance eval` on every variant of both corpora, beside the plain chain.

Each variant's site is served on loopback, read by `parlance ingest`, and asked by `parlance eval`;
the plain LangChain chain then answers the same questions from the same passages. Reports, question
files and all figures lie in build/quality afterwards.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server.evaluation.asking import gold_texts
from server.evaluation.figures import figures
from server.evaluation.judge import Judged
from server.evaluation.questions import parse_rows
from server.evaluation.report import render
from server.llm.adapters import reply_params
from server.llm.chat_model import EngineChatModel
from server.llm.engine import Engine
from server.store import open_store
from tests.loop.home import Home, running, site
from tests.quality.content import embedder, prepared
from tests.quality.corpora import FOLDERS, VARIANTS, variant
from tests.quality.plain import PlainChain

OUTPUT = Path("build/quality")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one table; a part of the variants or questions by option."""
    chosen = _options(arguments)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    names = [(c, v) for c in FOLDERS for v in VARIANTS if v in chosen.variants]
    told: dict[str, dict[str, Any]] = {}
    for corpus, kind in names:
        variant(corpus, kind).write(OUTPUT / "sites" / f"{corpus}-{kind}")
    began = time.monotonic()
    with site(OUTPUT / "sites") as base, running((OUTPUT / "home").resolve(), crawl=base) as home:
        for corpus, kind in names:
            told[f"{corpus}-{kind}"] = _ours(home, corpus, kind, base, most=chosen.most)
    if chosen.plain:
        _beside(told, names, most=chosen.plain)
    (OUTPUT / "figures.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    sys.stdout.write(_table(told) + f"\n{time.monotonic() - began:.0f} s; reports: {OUTPUT}\n")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.quality")
    parser.add_argument("--variants", nargs="+", default=VARIANTS, choices=VARIANTS)
    parser.add_argument("--most", type=int, default=1000, help="questions of a variant")
    parser.add_argument("--plain", type=int, default=0, help="questions for the plain chain (slow)")
    return parser.parse_args(arguments)


def _ours(home: Home, corpus: str, kind: str, base: str, *, most: int) -> dict[str, Any]:
    name = f"{corpus}-{kind}"
    file = OUTPUT / f"{name}.jsonl"
    variant(corpus, kind).write_questions(file, f"{base}/{name}", most=most)
    home.run("assistants", "create", name, "--key", name)
    read = home.run("ingest", name, f"{base}/{name}/index.html", "--wait")
    report = OUTPUT / f"{name}.html"
    found = home.run("eval", name, "--set", str(file), "--report", str(report))
    return {"passages": read["passages"], "ours": found}


def _beside(
    told: dict[str, dict[str, Any]], names: Sequence[tuple[str, str]], *, most: int
) -> None:
    """Ask the plain chain some of the same, from the same passages, on the same model."""
    store = open_store(f"sqlite:///{(OUTPUT / 'home' / 'parlance.db').resolve()}")
    with _model() as model:
        for corpus, kind in names:
            name = f"{corpus}-{kind}"
            passages = store.knowledge.passages(assistant_id=store.assistants.by_key(name).id)
            lines = (OUTPUT / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
            some = lines[:: max(1, -(-len(lines) // most))]
            rows = parse_rows([json.loads(line) for line in some])
            chain = PlainChain(passages, embedder(), model)
            judged = list(chain.run(rows, [gold_texts(passages, row) for row in rows]))
            told[name]["plain"] = figures(judged)
            _rewrite(name, told[name], judged)
    store.database.close()


@contextmanager
def _model() -> Iterator[EngineChatModel]:
    engine = Engine(prepared().serving)
    try:
        yield EngineChatModel(engine=engine, params=reply_params(160))
    finally:
        engine.close()


def _rewrite(name: str, told: dict[str, Any], plain: Sequence[Judged]) -> None:
    page = render(f"{name}: the plain chain", told["plain"], plain, rival=told["ours"])
    (OUTPUT / f"{name}-plain.html").write_text(page, encoding="utf-8")


def _table(told: dict[str, dict[str, Any]]) -> str:
    shown = ("crag", "right", "wrong_facts", "refusal_recall", "over_refusal")
    shown += ("right_page_supported", "citation_precision", "seconds_per_answer")
    lines = [f"{'':26}{'n':>5} " + "".join(f"{name[:18]:>24}" for name in shown)]
    for name, one in told.items():
        for who in ("ours", "plain"):
            if who in one:
                cells = "".join(_cell(one[who], key) for key in shown)
                title = name if who == "ours" else "  plain chain"
                lines.append(f"{title:26}{one[who]['n']:>5} {cells}")
    return "\n".join(lines)


def _cell(found: dict[str, Any], key: str) -> str:
    if found[key] is None:
        return f"{'–':>24}"
    low, high = found["ci"].get(key, (found[key], found[key]))
    return f"{found[key]:>9.3f} ({low:5.2f},{high:5.2f})"


if __name__ == "__main__":
    raise SystemExit(main())
