"""Approved answers that contradict each other: the same question, answered differently. Pure.

Sees numbers, yes against no, negation and answers with little in common; not every contradiction
is one of these, and two answers that add to each other may be reported too: a person decides.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from server.answering.curated import Approved
from server.answering.sameness import DENSE_WEIGHT, alike, set_apart
from server.answering.words import content_words, counted, likeness, negates, tokens
from server.store.curated import question_key

# Above these, two questions count as nearly the same: alike where both have vectors, else by words.
NEARLY = 0.85
_WORDS_ALONE = 0.8
_SAME_MATTER = 0.5
_LITTLE_IN_COMMON = 0.25
LITTLE = "they have little in common"
_COMMON = 150
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two approved answers to nearly one question, and in what they differ."""

    one: Approved
    other: Approved
    reason: str


def contradictions(
    questions: Sequence[Approved], answers: Mapping[str, str], *, nearly: float = NEARLY
) -> list[Contradiction]:
    """Pairs of answers that say different things. `answers`: by `Approved.id`."""
    found: dict[frozenset[str], Contradiction] = {}
    for one, other in _near(questions, nearly):
        pair = frozenset((one.id, other.id))
        if len(pair) < 2 or pair in found:
            continue
        if reason := difference(answers.get(one.id, ""), answers.get(other.id, "")):
            found[pair] = Contradiction(one, other, reason)
    return list(found.values())


def difference(one: str, other: str) -> str | None:
    """In what two answers differ, as a part of a sentence; None if they go together."""
    if question_key(one) == question_key(other):
        return None
    if {_yes_or_no(one), _yes_or_no(other)} == {"yes", "no"}:
        return "one says yes, the other no"
    first, second = counted(one), counted(other)
    if first - second and second - first:
        return f"they give different numbers ({_few(first - second)} and {_few(second - first)})"
    share = likeness(content_words(one), content_words(other))
    if negates(one) != negates(other) and share >= _SAME_MATTER:
        return "one denies what the other says"
    return LITTLE if share < _LITTLE_IN_COMMON else None


def _near(questions: Sequence[Approved], nearly: float) -> Iterator[tuple[Approved, Approved]]:
    for n, m in sorted(_twins(questions) | _sharing(questions) | _close(questions, nearly)):
        one, other = questions[n], questions[m]
        if one.key == other.key or (
            _is_near(one, other, nearly) and set_apart(one.question, other.question) is None
        ):
            yield one, other


def _is_near(one: Approved, other: Approved, nearly: float) -> bool:
    if one.vector is None or other.vector is None:
        return likeness(one.words, other.words) >= _WORDS_ALONE
    return alike(float(one.vector @ other.vector), one.words, other.words) >= nearly


def _twins(questions: Sequence[Approved]) -> set[tuple[int, int]]:
    """Neighbours among the questions that are equal but for case, blanks and end marks."""
    last: dict[str, int] = {}
    pairs = set()
    for n, question in enumerate(questions):
        if question.key in last:
            pairs.add((last[question.key], n))
        last[question.key] = n
    return pairs


def _sharing(questions: Sequence[Approved]) -> set[tuple[int, int]]:
    """Pairs that can reach `_WORDS_ALONE`, without comparing all with all.

    Two sets so alike share one of the rarest few words of each (prefix filter of set-similarity
    joins, Chaudhuri et al. 2006). A word that very many questions hold is passed over: it would
    make the work quadratic where every question is of one form.
    """
    rarity = Counter(word for q in questions for word in q.words)
    held: defaultdict[tuple[str, frozenset[str]], list[int]] = defaultdict(list)
    pairs: set[tuple[int, int]] = set()
    for n, question in enumerate(questions):
        numbers = frozenset(counted(question.question))  # `set_apart` parts those that differ
        rarest = sorted(question.words, key=lambda word: (rarity[word], word))
        # F1 >= t needs an overlap of at least t/(2-t) of a set's size.
        needed = ceil(len(rarest) * _WORDS_ALONE / (2 - _WORDS_ALONE))
        for word in rarest[: len(rarest) - needed + 1]:
            if rarity[word] <= _COMMON:
                pairs.update((m, n) for m in held[word, numbers])
                held[word, numbers].append(n)
    return pairs


def _close(questions: Sequence[Approved], nearly: float) -> set[tuple[int, int]]:
    """Pairs whose meaning is so near that they can reach `nearly`."""
    rows = [(n, q.vector) for n, q in enumerate(questions) if q.vector is not None]
    if len(rows) < 2:
        return set()
    vectors = np.stack([vector for _, vector in rows])
    bound = (nearly - (1 - DENSE_WEIGHT)) / DENSE_WEIGHT
    pairs = set()
    # In blocks: all with all at once takes 400 MB for 10,000 wordings.
    for start in range(0, len(rows), _BLOCK):
        near = vectors[start : start + _BLOCK] @ vectors[start:].T >= bound
        found = np.argwhere(np.triu(near, k=1)) + start
        pairs |= {(rows[i][0], rows[j][0]) for i, j in found}
    return pairs


def _yes_or_no(answer: str) -> str:
    first = next(iter(tokens(answer)), "")
    return first if first in {"yes", "no"} else ""


def _few(numbers: set[str]) -> str:
    shown = sorted(numbers)[:3]
    return ", ".join(shown)
