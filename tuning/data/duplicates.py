"""Near copies among replies: found by MinHash, then by meaning; of a cluster the best one stays.

Two replies are copies if they say the same to the same question. What differs in a number, a
negation, a name or a direction is no copy (`set_apart`, `difference`), however alike it reads; such
replies are left to `conflicts`. What recurs in many replies - a greeting, a sign-off - is manner
and tells no two of them apart, so it is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from server.answering.contradictions import difference
from server.answering.sameness import DENSE_WEIGHT, alike, set_apart
from server.answering.words import content_words, likeness
from server.retrieval.vectors import Vector
from tuning.data.minhash import jaccard, likely_pairs, signatures
from tuning.data.shingles import cores, shingles

Embed = Callable[[Sequence[str]], Vector]

# Of shingles, and of embeddings: from here on two replies are told in like words, or mean the same.
_LIKE_WORDS, _LIKE_MEANING = 0.6, 0.9
# From here on two replies are the same, and the questions need only be akin.
_SAME_WORDS, _SAME_MEANING = 0.8, 0.97
# Of questions: akin, and nearly the same (as curated answers are matched).
_AKIN, _AKIN_WORDS, _NEARLY, _NEARLY_WORDS = 0.6, 0.34, 0.85, 0.6
# Below this cosine, questions cannot come to be `_NEARLY` the same.
_NEARLY_MEANING = (_NEARLY - (1 - DENSE_WEIGHT)) / DENSE_WEIGHT
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Text:
    """A question with its reply. `fixed`: the reply is one that many questions get (a refusal)."""

    question: str
    reply: str
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """Texts as they are compared: shingles of questions, of whole replies and of replies without
    manner, and vectors of questions and of the latter, if there are any."""

    texts: Sequence[Text]
    cores: list[str]
    questions: list[set[str]]
    whole: list[set[str]]
    replies: list[set[str]]
    asked: Vector | None = None
    said: Vector | None = None

    @classmethod
    def of(cls, texts: Sequence[Text], embed: Embed | None = None) -> Compared:
        plain = cores([text.reply for text in texts])
        asked = said = None
        if embed is not None and texts:
            asked, said = embed([t.question for t in texts]), embed(plain)
        return cls(
            texts=texts,
            cores=plain,
            questions=[shingles(text.question) for text in texts],
            whole=[shingles(text.reply) for text in texts],
            replies=[shingles(core) for core in plain],
            asked=asked,
            said=said,
        )


def copies(compared: Compared) -> dict[int, int]:
    """For each text that is a near copy of an earlier one, the place of the one that stays.

    The texts come best first, so what stays is the best of its cluster.
    """
    keeper: dict[int, int] = {}
    for one, other in sorted(set(_candidates(compared))):
        first = keeper.get(one, one)
        if other not in keeper and is_copy(compared, first, other):
            keeper[other] = first
    return keeper


def is_copy(compared: Compared, one: int, other: int) -> bool:
    """Whether two texts say the same to the same question."""
    a, b = compared.texts[one], compared.texts[other]
    words = jaccard(compared.replies[one], compared.replies[other])
    whole = jaccard(compared.whole[one], compared.whole[other])
    meaning = _cosine(compared.said, one, other)
    same = max(words, whole) >= _SAME_WORDS or meaning >= _SAME_MEANING
    like = same or words >= _LIKE_WORDS or meaning >= _LIKE_MEANING
    if not like or not _asks_alike(compared, one, other, akin=same and not a.fixed):
        return False
    return set_apart(a.question, b.question) is None and difference(a.reply, b.reply) is None


def same_questions(questions: Sequence[str], vectors: Vector) -> list[tuple[int, int]]:
    """Places of questions that mean the same though few words say so."""
    found = []
    for one, other in _near(vectors, _NEARLY_MEANING):
        words = (content_words(questions[n]) for n in (one, other))
        cosine = float(vectors[one] @ vectors[other])
        apart = set_apart(questions[one], questions[other])
        if alike(cosine, *words) >= _NEARLY and apart is None:
            found.append((one, other))
    return found


def _asks_alike(compared: Compared, one: int, other: int, *, akin: bool) -> bool:
    a, b = (set(content_words(compared.texts[n].question)) for n in (one, other))
    if jaccard(compared.questions[one], compared.questions[other]) >= _NEARLY_WORDS:
        return True
    if compared.asked is None:
        return likeness(a, b) >= (_AKIN_WORDS if akin else 2 * _AKIN_WORDS)
    return alike(_cosine(compared.asked, one, other), a, b) >= (_AKIN if akin else _NEARLY)


def _candidates(compared: Compared) -> Iterator[tuple[int, int]]:
    yield from likely_pairs(signatures(compared.whole))
    yield from likely_pairs(signatures(compared.replies))
    if compared.said is not None:
        yield from _near(compared.said, _LIKE_MEANING)


def _near(vectors: Vector, least: float) -> Iterator[tuple[int, int]]:
    """Places (a, b), a < b, of vectors so near; in blocks, since all at once takes much memory."""
    for start in range(0, len(vectors), _BLOCK):
        near = vectors[start : start + _BLOCK] @ vectors[start:].T >= least
        yield from ((int(i) + start, int(j) + start) for i, j in np.argwhere(np.triu(near, 1)))


def _cosine(vectors: Vector | None, one: int, other: int) -> float:
    return 0.0 if vectors is None else float(vectors[one] @ vectors[other])
