"""Copying and sameness: what a model says by heart, and whether it says the same to everybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from server.answering.words import content_words, likeness, tokens

# So many words in a row, not given with the question, are learnt by heart and not composed.
RUN = 8
_SAME = 0.8
Runs = frozenset[tuple[str, ...]]


def runs(texts: Iterable[str], length: int = RUN) -> Runs:
    """All runs of `length` words of the texts, in lower case."""
    found: set[tuple[str, ...]] = set()
    for text in texts:
        words = tokens(text)
        found.update(tuple(words[n : n + length]) for n in range(len(words) - length + 1))
    return frozenset(found)


def longest_copy(draft: str, sources: Sequence[str]) -> int:
    """Words of the longest run of a draft that stands in one of the texts."""
    length = 0
    while length < len(tokens(draft)) and runs([draft], length + 1) & runs(sources, length + 1):
        length += 1
    return length


def copies(draft: str, given: str, learnt: Runs, manner: frozenset[str]) -> bool:
    """Whether a draft repeats a run of the training replies that its own prompt does not hold.

    A run of nothing but the owner's manner (a greeting with a sign-off) is no copy.
    """
    own = runs([draft]) & learnt
    return any(_states(run, manner) for run in own - runs([given]))


def twins(drafts: Sequence[str], manner: frozenset[str]) -> list[bool]:
    """Whether each draft says the same as one to another question.

    Said the same: nearly the same content words, manner aside; two that state nothing are the same.
    """
    sets = [frozenset(content_words(draft)) - manner for draft in drafts]
    found = [False] * len(sets)
    for one, other in combinations(range(len(sets)), 2):
        if _alike(sets[one], sets[other]):
            found[one] = found[other] = True
    return found


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return (not one and not other) or likeness(one, other) >= _SAME


def _states(run: tuple[str, ...], manner: frozenset[str]) -> bool:
    stated = set(content_words(" ".join(run))) - manner
    return len(stated) >= 2
