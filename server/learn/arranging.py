"""Arranging wordings into topics or gaps, with what was stored before carried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from server.learn.topics import Group, Known, carried_on, groups_of, nearest_topic
from server.retrieval.vectors import DIMENSIONS, Vector
from server.store.topics import Found, Topic, Worded

# Compared with each other, those asked most first: 64 MB. The others join the nearest topic.
_COMPARED = 4000


@dataclass(frozen=True, slots=True)
class Arranged:
    """What was found, by a name of its own, and the name that each wording (by hash) belongs to."""

    found: dict[str, Found]
    members: dict[str, str | None]


def arranged(
    worded: Sequence[Worded], stored: Sequence[Topic], *, least: int, most: int | None = None
) -> Arranged:
    """Group wordings that at least so many turns asked, at most so many groups.

    A stored topic none of whose wordings was compared stays as it is.
    """
    compared = worded[:_COMPARED]
    groups = _groups(compared, least)[:most]
    hashes = [w.hash for w in compared]
    ids = carried_on(groups, hashes, [_known(t, worded) for t in stored])
    found = {
        str(n): Found(id, group.question, group.middle.tobytes())
        for n, (group, id) in enumerate(zip(groups, ids, strict=True))
    }
    touched = {w.belongs for w in compared}
    resting = [t for t in stored if t.id not in touched and t.id not in ids]
    rest = worded[_COMPARED:]
    found |= {t.id: _as_found(t) for t in resting if {t.id} & {w.belongs for w in rest}}
    members: dict[str, str | None] = {w.hash: None for w in compared}
    members |= {hashes[m]: str(n) for n, group in enumerate(groups) for m in group.members}
    return Arranged(found, members | _joined(rest, found))


def matrix_of(worded: Sequence[Worded]) -> Vector:
    """The embeddings, (n, 384), as float32."""
    joined = b"".join(w.embedding for w in worded)
    return np.frombuffer(joined, dtype=np.float16).reshape(-1, DIMENSIONS).astype(np.float32)


def _groups(compared: Sequence[Worded], least: int) -> list[Group]:
    counts = [w.count for w in compared]
    made = groups_of([w.question for w in compared], matrix_of(compared), counts)
    return [g for g in made if sum(counts[n] for n in g.members) >= least]


def _known(topic: Topic, worded: Sequence[Worded]) -> Known:
    keys = frozenset(w.hash for w in worded if w.belongs == topic.id)
    return Known(topic.id, keys, _middle(topic.middle), bool(topic.named_by))


def _middle(stored: bytes) -> Vector:
    return np.frombuffer(stored, dtype=np.float32)


def _as_found(topic: Topic) -> Found:
    return Found(topic.id, topic.question, topic.middle, topic.sections, topic.closed)


def _joined(rest: Sequence[Worded], found: dict[str, Found]) -> dict[str, str | None]:
    if not rest:
        return {}
    nearest = nearest_topic(matrix_of(rest), {k: _middle(f.middle) for k, f in found.items()})
    return {w.hash: name or None for w, name in zip(rest, nearest, strict=True)}
