"""MinHash: which sets are likely alike, without comparing all with all (Broder 1997).

128 permutations in 32 bands of 4 rows: two sets of a Jaccard of 0.6 share a band with a
probability of 0.99, of 0.4 with 0.56, of 0.2 with 0.05. What is found has to be compared then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np

Signatures = np.ndarray[Any, np.dtype[np.uint64]]

PERMUTATIONS = 128
_BANDS = 32
_PRIME = np.uint64((1 << 31) - 1)
_SEED = 1997


def signatures(sets: Sequence[Collection[str]]) -> Signatures:
    """The signatures of some sets, shape (n, 128). Those of empty sets are all alike."""
    generator = np.random.default_rng(_SEED)
    factors = generator.integers(1, int(_PRIME), PERMUTATIONS, dtype=np.uint64)
    shifts = generator.integers(0, int(_PRIME), PERMUTATIONS, dtype=np.uint64)
    made = np.full((len(sets), PERMUTATIONS), _PRIME, dtype=np.uint64)
    for place, own in enumerate(sets):
        if own:
            hashes = np.array([_hash(one) for one in own], dtype=np.uint64)
            # Both factors lie below 2^31, so the product fits 64 bits.
            made[place] = ((hashes[:, None] * factors + shifts) % _PRIME).min(axis=0)
    return made


def likely_pairs(made: Signatures) -> Iterator[tuple[int, int]]:
    """Places (a, b), a < b, of sets that share a band; each once, in no order."""
    seen: set[tuple[int, int]] = set()
    width = PERMUTATIONS // _BANDS
    for start in range(0, PERMUTATIONS, width):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for place, row in enumerate(made[:, start : start + width]):
            buckets[row.tobytes()].append(place)
        for places in buckets.values():
            # Against the first and the one before: all of a bucket of copies are linked by n pairs.
            linked = {(places[0], b) for b in places[1:]} | set(pairwise(places))
            yield from linked - seen
            seen |= linked


def jaccard(one: Collection[str], other: Collection[str]) -> float:
    """The share of what two sets hold that both hold."""
    first, second = set(one), set(other)
    whole = len(first | second)
    return len(first & second) / whole if whole else 1.0


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") % int(_PRIME)
