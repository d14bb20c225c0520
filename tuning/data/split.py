"""The split: what is trained on and what is kept aside to judge by, frozen with the run.

Turns of one conversation, and near copies of a question or a reply, always fall on one side. A pair
keeps its side from one dataset of an assistant to the next.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import chain
from types import MappingProxyType

from server.store.pairs import Pair
from tuning.data.candidates import REFUSAL
from tuning.data.shingles import shingles, without_manner

TRAIN, HELD_OUT = "train", "held_out"
_NEAR = 0.6


def split_pairs(
    pairs: Sequence[Pair],
    *,
    seed: int,
    share: float,
    floor: int,
    settled: Mapping[str, str] = MappingProxyType({}),
    links: Iterable[tuple[int, int]] = (),
) -> list[Pair]:
    """Give each pair its side and group; the same pairs and seed give the same split.

    Held out are about `share` of the pairs, at least `floor` while that is under a third of them.
    `settled`: the side, by `subject_of`, that a pair had in an earlier dataset, which it keeps.
    `links`: places of pairs that mean the same, which words alone do not show.
    """
    grouped = group_pairs(pairs, links)
    target = max(math.ceil(share * len(pairs)), min(floor, len(pairs) // 3))
    held = _choose(grouped, target, seed, _sides(grouped, settled))
    if not held:
        held = _choose(grouped, target, seed, {})
    return [replace(p, split=HELD_OUT if p.group_id in held else TRAIN) for p in grouped]


def group_pairs(pairs: Sequence[Pair], links: Iterable[tuple[int, int]] = ()) -> list[Pair]:
    """Join groups that hold near copies of one another; a group keeps its smallest id."""
    parents: dict[str, str] = {pair.group_id: pair.group_id for pair in pairs}

    def root(group: str) -> str:
        while parents[group] != group:
            group = parents[group]
        return group

    joined = ((pairs[a], pairs[b]) for a, b in links)
    for a, b in chain(_near_copies(pairs), joined):
        first, second = sorted((root(a.group_id), root(b.group_id)))
        parents[second] = first
    return [replace(pair, group_id=root(pair.group_id)) for pair in pairs]


def subject_of(pair: Pair) -> str:
    """What a pair is about, whatever its prompt: its turn, or its example."""
    return pair.turn_id or pair.origin_id


def _sides(pairs: Sequence[Pair], settled: Mapping[str, str]) -> dict[str, str]:
    """The settled side of each group. One that has come to join both sides is trained on: what was
    learnt from once is not fit to judge by."""
    sides: dict[str, str] = {}
    for pair in pairs:
        side = settled.get(subject_of(pair))
        if side is not None and sides.get(pair.group_id) != TRAIN:
            sides[pair.group_id] = side
    return sides


def _choose(pairs: Sequence[Pair], target: int, seed: int, sides: Mapping[str, str]) -> set[str]:
    """Take groups in the order of a seeded hash; one far larger than what is missing is passed."""
    sizes = Counter(pair.group_id for pair in pairs)
    keys: dict[str, str] = {}
    for pair in pairs:
        # By content, not by id: the same pair stays on its side from run to run.
        keys[pair.group_id] = min(keys.get(pair.group_id, "~"), pair.hash)
    chosen = {group for group in sizes if sides.get(group) == HELD_OUT}
    held = sum(sizes[group] for group in chosen)
    free = (group for group in sizes if group not in sides)
    for group in sorted(free, key=lambda group: _hash(f"{seed}:{keys[group]}")):
        if held < target and sizes[group] <= max(target - held, 1) * 1.5:
            chosen.add(group)
            held += sizes[group]
    return chosen if len(chosen) < len(sizes) else set()


def _near_copies(pairs: Sequence[Pair]) -> Iterable[tuple[Pair, Pair]]:
    questions = [shingles(pair.question) for pair in pairs]
    for a, b in _near(questions):
        yield pairs[a], pairs[b]
    # What declines is worded alike whatever was asked: knowing it gives no answer away.
    answers = [pair for pair in pairs if pair.kind != REFUSAL]
    for a, b in _near(without_manner([pair.completion for pair in answers])):
        yield answers[a], answers[b]


def _near(sets: Sequence[set[str]]) -> Iterable[tuple[int, int]]:
    """Pairs of places whose sets overlap enough (Jaccard), found through shared shingles."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, own in enumerate(sets):
        shared = Counter(other for shingle in own for other in places[shingle])
        for other, common in shared.items():
            if common / (len(own) + len(sets[other]) - common) >= _NEAR:
                yield other, place
        for shingle in own:
            places[shingle].append(place)


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
