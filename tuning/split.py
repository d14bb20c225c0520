"""The split: what is trained on and what is kept aside to judge by, frozen with the run.

Turns of one conversation, and near copies of a question or a reply, always fall on one side.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b

from server.answering.words import tokens
from server.store.pairs import Pair

TRAIN, HELD_OUT = "train", "held_out"
_NEAR = 0.6
_SHINGLE = 3
# Shingles of the owner's manner (a greeting, a sign-off) stand in many replies and tell no two
# of them apart.
_MANNER_SHARE = 0.05
_MANNER_LEAST = 3


def split_pairs(pairs: Sequence[Pair], *, seed: int, share: float, floor: int) -> list[Pair]:
    """Give each pair its side and group; the same pairs and seed give the same split.

    Held out are about `share` of the pairs, at least `floor` while that is under a third of them.
    """
    grouped = group_pairs(pairs)
    target = max(math.ceil(share * len(pairs)), min(floor, len(pairs) // 3))
    held = _choose(grouped, target, seed)
    return [replace(p, split=HELD_OUT if p.group_id in held else TRAIN) for p in grouped]


def group_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Join groups that hold near copies of one another; a group keeps its smallest id."""
    parents: dict[str, str] = {pair.group_id: pair.group_id for pair in pairs}

    def root(group: str) -> str:
        while parents[group] != group:
            group = parents[group]
        return group

    for a, b in _near_copies(pairs):
        first, second = sorted((root(a.group_id), root(b.group_id)))
        parents[second] = first
    return [replace(pair, group_id=root(pair.group_id)) for pair in pairs]


def _choose(pairs: Sequence[Pair], target: int, seed: int) -> set[str]:
    """Take groups in the order of a seeded hash; one far larger than what is missing is passed."""
    sizes = Counter(pair.group_id for pair in pairs)
    keys: dict[str, str] = {}
    for pair in pairs:
        # By content, not by id: the same pair stays on its side from run to run.
        keys[pair.group_id] = min(keys.get(pair.group_id, "~"), pair.hash)
    ranked = sorted(sizes, key=lambda group: _hash(f"{seed}:{keys[group]}"))
    chosen: set[str] = set()
    held = 0
    for group in ranked:
        if held < target and sizes[group] <= max(target - held, 1) * 1.5:
            chosen.add(group)
            held += sizes[group]
    return chosen if len(chosen) < len(sizes) else set()


def _near_copies(pairs: Sequence[Pair]) -> Iterable[tuple[Pair, Pair]]:
    questions = [_words_in_a_row(pair.question) for pair in pairs]
    replies = _without_manner([pair.completion for pair in pairs])
    for sets in (questions, replies):
        for a, b in _near(sets):
            yield pairs[a], pairs[b]


def _without_manner(texts: Sequence[str]) -> list[set[str]]:
    sets = [_words_in_a_row(text) for text in texts]
    counts = Counter(shingle for shingles in sets for shingle in shingles)
    manner = max(_MANNER_LEAST, _MANNER_SHARE * len(texts))
    plain = [{s for s in shingles if counts[s] <= manner} for shingles in sets]
    # Where nothing but manner is left, the whole text is what identifies it.
    return [own or {text.lower().strip()} for own, text in zip(plain, texts, strict=True)]


def _words_in_a_row(text: str) -> set[str]:
    words = tokens(text)
    if len(words) <= _SHINGLE:
        return {" ".join(words)}
    return {" ".join(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1)}


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
