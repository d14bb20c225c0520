"""Topics: visitors' questions that ask the same, found from their embeddings, named, and kept.

Average linkage on the cosine: two groups become one while their questions are alike at 0.65 on
average, so nobody has to say how many topics there are. On 500 questions of 110 known topics (three
seeds, `python -m tests.learn.measure`) its adjusted Rand index is 0.89 and its purity 0.97; k-means
on the same embeddings comes to 0.70 and 0.95 when told that there are 110, and to 0.80 and 0.91
with k by silhouette. A bound of 0.55 is better there (0.92) and worse on one narrow subject, 213
questions about the manual, where what shares only the product's name becomes one (0.63, not 0.84).

A name is one of the questions: of those near the middle the one that reads best. Terms weighted as
in c-TF-IDF were tried and read worse ("package, hold, put" for "How do I put a package on hold?").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from server.retrieval.vectors import Vector

# Average cosine from which two groups are one.
ALIKE = 0.65
# A topic whose questions are all too old to be compared goes on where the middle is so near.
_SAME_MIDDLE = 0.85
# Of the smaller of two groups, so much has to stand in the other one for it to go on there.
_SHARED = 0.5
_NEAR_MIDDLE = 0.08
_LONGEST_NAME = 120
_COURTESY = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|day|evening)|sorry|excuse me|please(?: help)?"
    r"|quick question)\b[\s,!.:;-]*)+|[\s,]*\b(?:please|thanks|thank you)[\s!.]*$",
    re.IGNORECASE,
)
_GONE = -np.inf


@dataclass(frozen=True, slots=True)
class Group:
    """A topic as found: the numbers of its questions, its middle (unit vector), its question."""

    members: tuple[int, ...]
    middle: Vector
    question: str


@dataclass(frozen=True, slots=True)
class Known:
    """A topic as stored: which questions it held, by key, and its middle.

    `is_named`: by a person; where two become one, that name is the one to keep.
    """

    id: str
    keys: frozenset[str]
    middle: Vector
    is_named: bool = False


def groups_of(
    questions: Sequence[str], vectors: Vector, counts: Sequence[int], *, alike: float = ALIKE
) -> list[Group]:
    """Group questions (unit vectors, shape (n, d)), asked `counts` times each; largest first."""
    found: dict[int, list[int]] = {}
    for n, label in enumerate(labels_of(vectors, alike=alike)):
        found.setdefault(label, []).append(n)
    made = [_group(members, questions, vectors, counts) for members in found.values()]
    return sorted(made, key=lambda g: -sum(counts[n] for n in g.members))


def labels_of(vectors: Vector, *, alike: float = ALIKE) -> list[int]:
    """Average linkage by chains of nearest neighbours: of each question the number of its group.

    Takes n x n floats. A group whose nearest is not alike stays as it is: under average linkage no
    later union comes nearer to it than its parts were.
    """
    likeness = (vectors @ vectors.T).astype(np.float32)
    np.fill_diagonal(likeness, _GONE)
    sizes, parents = np.ones(len(vectors), dtype=np.float32), list(range(len(vectors)))
    chain: list[int] = []
    waiting = list(reversed(range(len(vectors))))
    while chain or waiting:
        if not chain:
            chain.append(waiting.pop())
        tip = chain[-1]
        nearest = int(likeness[tip].argmax())
        before = chain[-2] if len(chain) > 1 else None
        if likeness[tip, nearest] < alike:
            _retire(likeness, chain.pop())
        elif before is not None and likeness[tip, before] >= likeness[tip, nearest]:
            _join(likeness, sizes, before, tip)
            parents[tip] = before
            del chain[-2:]
            waiting.append(before)
        else:
            chain.append(nearest)
    return [_root(parents, n) for n in range(len(vectors))]


def carried_on(groups: Sequence[Group], keys: Sequence[str], known: Sequence[Known]) -> list[str]:
    """Of each group the id of the stored topic that it continues, "" for a new one.

    A topic goes on in the group that shares most questions with it; `keys` are the questions' keys.
    """
    own = [frozenset(keys[n] for n in group.members) for group in groups]
    pairs = [
        (old.is_named, *closeness, g, k)
        for k, old in enumerate(known)
        for g, group in enumerate(groups)
        if (closeness := _closeness(own[g], group.middle, old)) is not None
    ]
    found, taken = [""] * len(groups), set()
    for *_, g, k in sorted(pairs, key=lambda p: (-p[0], -p[1], -p[2], p[3])):
        if not found[g] and k not in taken:
            found[g] = known[k].id
            taken.add(k)
    return found


def nearest_topic(
    vectors: Vector, middles: Mapping[str, Vector], *, alike: float = ALIKE
) -> list[str]:
    """Of each question the topic whose middle is nearest, "" where none is near enough."""
    if not middles:
        return [""] * len(vectors)
    ids = list(middles)
    likeness = vectors @ np.stack([middles[id] for id in ids]).T
    return [ids[row.argmax()] if row.max() >= alike else "" for row in likeness]


def _group(
    members: list[int], questions: Sequence[str], vectors: Vector, counts: Sequence[int]
) -> Group:
    weights = np.array([counts[n] for n in members], dtype=np.float32)
    middle = weights @ vectors[members]
    middle = (middle / max(float(np.linalg.norm(middle)), 1e-9)).astype(np.float32)
    near = vectors[members] @ middle
    central = [n for n, c in zip(members, near, strict=True) if c >= near.max() - _NEAR_MIDDLE]
    best = min(central, key=lambda n: (*_unread(questions[n]), -counts[n], len(questions[n])))
    return Group(tuple(members), middle, _name(questions[best]))


def _unread(question: str) -> tuple[bool, bool]:
    """What keeps a question from reading as a heading; false sorts first."""
    said = question.strip()
    return len(said) > _LONGEST_NAME or not said.endswith("?"), not said[:1].isupper()


def _name(question: str) -> str:
    """A question as a heading: without courtesies, with a capital, and not too long."""
    said = _COURTESY.sub("", " ".join(question.split())) or question
    said = re.sub(r"\?[?!]+$", "?", said)
    if len(said) > _LONGEST_NAME:
        said = f"{said[: _LONGEST_NAME - 1].rstrip()}…"
    return said[:1].upper() + said[1:]


def _closeness(keys: frozenset[str], middle: Vector, known: Known) -> tuple[int, float] | None:
    """How many questions both share, and how near their middles are; None: another topic."""
    shared, near = len(keys & known.keys), float(middle @ known.middle)
    if shared:
        return (shared, near) if shared >= _SHARED * min(len(keys), len(known.keys)) else None
    return (0, near) if near >= _SAME_MIDDLE else None


def _join(likeness: Vector, sizes: Vector, kept: int, gone: int) -> None:
    joined = sizes[kept] * likeness[kept] + sizes[gone] * likeness[gone]
    joined /= sizes[kept] + sizes[gone]
    likeness[kept], likeness[:, kept] = joined, joined
    likeness[kept, kept] = _GONE
    sizes[kept] += sizes[gone]
    _retire(likeness, gone)


def _retire(likeness: Vector, gone: int) -> None:
    likeness[gone], likeness[:, gone] = _GONE, _GONE


def _root(parents: list[int], n: int) -> int:
    while parents[n] != n:
        n = parents[n]
    return n
