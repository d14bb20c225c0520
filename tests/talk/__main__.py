"""`python -m tests.talk`: measure the rewriting, replay the dialogues, keep the transcripts."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from server.llm.models import prepare
from tests.talk.dialogues import DIALOGUES
from tests.talk.manual import at_the_manual
from tests.talk.pairs import PAIRS
from tests.talk.replay import Told, misses, page, queries, recalls, replay, table
from tests.talk.visitors import outcomes
from tests.talk.visitors import table as table_of_visitors

OUTPUT = Path("build/talk")


def main() -> int:
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    began = time.monotonic()
    with at_the_manual(OUTPUT, prepare(Path("var/test"))) as desk:
        ways = queries(desk.retriever, desk.assistant.id)
        figures = recalls(PAIRS, ways)
        told = [(d, replay(desk, d)) for d in DIALOGUES]
        own_words = table_of_visitors(outcomes(desk))
        alone = [(d, replay(desk, d, forgetful=True)) for d in DIALOGUES]
    figures += "\n\nTwenty dialogues, expectations that held:\n" + table(told)
    figures += "\n\nThe same turns without what was said before:\n" + table(alone)
    figures += f"\n\n{own_words}"
    (OUTPUT / "transcripts.html").write_text(page(told, figures), encoding="utf-8")
    with (OUTPUT / "turns.jsonl").open("w", encoding="utf-8") as file:
        for dialogue, lines in told:
            file.writelines(_row(dialogue.name, one) for one in lines)
    sys.stdout.write(f"{figures}\n\n{misses(told)}\n")
    sys.stdout.write(f"{time.monotonic() - began:.0f} s. Transcripts: {OUTPUT}/transcripts.html\n")
    return 0


def _row(dialogue: str, told: Told) -> str:
    turn = told.turn
    return (
        json.dumps(
            {
                "dialogue": dialogue,
                "question": turn.question,
                "expected": told.line.expected,
                "held": told.held,
                "label": turn.label,
                "signals": turn.signals,
                "reply": turn.reply,
                "cited": [c["title"] for c in turn.citations],
                "ms": turn.timings,
            },
            ensure_ascii=False,
        )
        + "\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
