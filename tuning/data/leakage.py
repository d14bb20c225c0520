"""Leakage: does anything that is trained on give away what is judged by? Then there is no run.

The split keeps conversations and near copies together; this looks at its outcome afresh, with code
of its own, and over the preference rows too. What is compared: the very same row or question, the
conversation, shingles of questions and replies from a Jaccard of 0.6, and questions of one meaning.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from server.answering.sameness import set_apart
from server.errors import Invalid
from server.store.pairs import Pair, Preference
from tuning.data.candidates import REFUSAL
from tuning.data.duplicates import Embed
from tuning.data.minhash import jaccard
from tuning.data.shingles import shingles, without_manner
from tuning.data.split import HELD_OUT, TRAIN

SAME_ROW, SAME_QUESTION = "the same row", "the same question"
SAME_CONVERSATION = "the same conversation"
NEAR_QUESTION, NEAR_REPLY = "nearly the same question", "nearly the same reply"
SAME_MEANING = "a question of the same meaning"
_NEAR = 0.6
_SAME_MEANING = 0.95
_NAMED = 5

Row = Pair | Preference


@dataclass(frozen=True, slots=True)
class Leak:
    """A row that is judged by, what is trained on beside it (ids), and what they share."""

    held_out: str
    train: str
    kind: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside the rows: `conversations` of turns, and `embed` for meaning."""

    conversations: Mapping[str, str] = field(default_factory=dict)
    embed: Embed | None = None


_NOTHING = Beside()


def leaks(
    pairs: Sequence[Pair], preferences: Sequence[Preference] = (), beside: Beside = _NOTHING
) -> list[Leak]:
    """Every leak from the held-out side into the training side; one kind a pair of rows."""
    held = [pair for pair in pairs if pair.split == HELD_OUT]
    train: list[Row] = [pair for pair in pairs if pair.split == TRAIN]
    train += [row for row in preferences if row.split == TRAIN]
    found = [*_meant(held, train, beside.embed), *_near(held, train)]
    found += _same(held, train, beside.conversations)
    return list({(leak.held_out, leak.train): leak for leak in found}.values())


def check_leakage(
    pairs: Sequence[Pair], preferences: Sequence[Preference] = (), beside: Beside = _NOTHING
) -> dict[str, Any]:
    """The report of a split without leaks; Invalid names the first of those that there are."""
    found = leaks(pairs, preferences, beside)
    if found:
        named = "; ".join(f"{k.held_out} and {k.train}: {k.kind}" for k in found[:_NAMED])
        raise Invalid(
            f"{len(found)} rows to train on give away rows that are kept aside to judge by "
            f"({named}). No run is made of them.",
            hint="Exclude one of each two, then start the run again.",
        )
    held = sum(pair.split == HELD_OUT for pair in pairs)
    return {
        "leaks": [asdict(leak) for leak in found],
        "held_out": held,
        "train": len(pairs) - held,
        "preferences": sum(row.split == TRAIN for row in preferences),
        "compared": [
            SAME_ROW,
            SAME_QUESTION,
            SAME_CONVERSATION,
            NEAR_QUESTION,
            NEAR_REPLY,
            SAME_MEANING,
        ],
        "near": _NEAR,
    }


def _same(
    held: Sequence[Pair], train: Sequence[Row], conversations: Mapping[str, str]
) -> Iterator[Leak]:
    keys: tuple[tuple[str, Callable[[Row], str]], ...] = (
        (SAME_CONVERSATION, lambda row: conversations.get(row.turn_id or "", row.group_id)),
        (SAME_QUESTION, lambda row: " ".join(row.question.lower().split())),
        (SAME_ROW, lambda row: row.hash),
    )
    for kind, key in keys:
        places: dict[str, list[str]] = defaultdict(list)
        for row in train:
            places[key(row)].append(row.id)
        for pair in held:
            for other in places[key(pair)]:
                yield Leak(pair.id, other, kind)


def _meant(held: Sequence[Pair], train: Sequence[Row], embed: Embed | None) -> Iterator[Leak]:
    if embed is None or not held or not train:
        return
    near = embed([row.question for row in held]) @ embed([row.question for row in train]).T
    for i, j in np.argwhere(near >= _SAME_MEANING):
        if set_apart(held[i].question, train[j].question) is None:
            yield Leak(held[i].id, train[j].id, SAME_MEANING)


def _near(held: Sequence[Pair], train: Sequence[Row]) -> Iterator[Leak]:
    rows: list[Row] = [*held, *train]
    asked = [shingles(row.question) for row in rows]
    yield from _alike(rows, asked, len(held), NEAR_QUESTION)
    answers = [row for row in rows if not isinstance(row, Pair) or row.kind != REFUSAL]
    said = without_manner([row.completion for row in answers])
    own = sum(row.split == HELD_OUT for row in answers)
    yield from _alike(answers, said, own, NEAR_REPLY)


def _alike(rows: Sequence[Row], sets: Sequence[set[str]], held: int, kind: str) -> Iterator[Leak]:
    """Leaks between the first `held` rows and the others, found through shared shingles."""
    places: dict[str, list[int]] = defaultdict(list)
    for n, own in enumerate(sets[:held]):
        for shingle in own:
            places[shingle].append(n)
    for n in range(held, len(rows)):
        for place in Counter(p for shingle in sets[n] for p in places[shingle]):
            if jaccard(sets[place], sets[n]) >= _NEAR:
                yield Leak(rows[place].id, rows[n].id, kind)
