"""Sentences labelled by hand: do the facts, as serving finds them in our manual, carry a sentence?

How they were labelled:
- Supported: everything the sentence states follows from the facts beside it, read as an answer to
  the question. Neither the rest of the manual nor knowledge of the world counts.
- Words of like meaning and left-out detail are fine. Leaving out a condition without which it is
  not so is not, nor is adding one; that an owner may change a standard value is no such condition.
- Yes and no must fit the question. A sentence with one wrong part, or of which nobody can say what
  it states, is unsupported. One that states nothing (courtesy) is supported.
- Left out: questions, announcements ("Here is how:") and what the token limit cut off.

Of kind `draft` are sentences of the default model's raw drafts, greedy and at temperature 0.8; the
other kinds are edits of faithful sentences by hand. The half for choosing was seen while the rules
were written. Of the other half, drafts were set aside by a hash of the question (edits of which may
be in the first half), and edits were written for questions of their own and run only once the rules
stood.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sentence, what it was to rest on, and whether it does."""

    id: str
    question: str
    facts: tuple[str, ...]
    sentence: str
    supported: bool
    kind: str
    half: str  # "choosing" or "reporting"


def labelled() -> list[Labelled]:
    """All of them, in their order."""
    facts = {row["question"]: tuple(row["facts"]) for row in _rows("labelled_facts.jsonl")}
    return [Labelled(**row, facts=facts[row["question"]]) for row in _rows("labelled.jsonl")]


def _rows(name: str) -> Sequence[dict[str, Any]]:
    text = (_HERE / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]
