"""What retrieval says about whether the content holds an answer: a handful of numbers.

No single score tells (reference/quality.md and design, decision 13): a question next to the content
has a high cosine too. So several are read together: how near the best passage is and how far ahead
of the rest, how much of the question's rare words it holds, whether a heading asks the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from server.answering.words import content_words, likeness, tokens, without_pointers
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import DIMENSIONS, Vector
from server.store.knowledge import Passage

NAMES = (
    "near", "ahead", "sentence", "both", "both_ahead", "covered", "covered_near", "lexical",
    "lexical_ahead", "agree", "heading", "length",
)  # fmt: skip
_K1, _B = 1.2, 0.75
_USUAL_LENGTH = 90
_REST = 5
_LEAST_PASSAGES = 30
_MOST_WORDS = 64


@dataclass(frozen=True, slots=True)
class Frame:
    """What all passages of a site have in common, taken out before cosines are read.

    Everything on a site is near everything else: without the mean and the first principal axis
    (Mu and Viswanath 2018) the nearest passage parts answerable from unanswerable questions by an
    AUC of 0.79 instead of 0.69, and of 0.66 instead of 0.63 (python and debian, hidden headings).
    """

    mean: Vector
    axis: Vector

    @classmethod
    def of(cls, embeddings: Vector) -> Frame:
        """`embeddings` (n, 384); a site of few passages shares little that is known."""
        if len(embeddings) < _LEAST_PASSAGES:
            return RAW
        mean = embeddings.mean(axis=0)
        axis = np.linalg.svd(embeddings - mean, full_matrices=False)[2][0]
        return cls(mean.astype(np.float32), axis.astype(np.float32))

    @property
    def is_raw(self) -> bool:
        return not self.mean.any()

    def place(self, vectors: Vector) -> Vector:
        """Unit vectors in this frame; `vectors` (384,) or (n, 384)."""
        centred = vectors - self.mean
        centred = centred - np.outer(centred @ self.axis, self.axis).reshape(centred.shape)
        length = np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-9)
        placed: Vector = (centred / length).astype(np.float32)
        return placed


# Cosines as they are: until an assistant's gate is fitted.
RAW = Frame(np.zeros(DIMENSIONS, dtype=np.float32), np.zeros(DIMENSIONS, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the signals need it: its vector in the frame, its words with their weight."""

    frame: Frame
    vector: Vector
    weights: Mapping[str, float]

    @classmethod
    def of(
        cls, question: str, vector: Vector, frame: Frame, counts: Mapping[str, int], total: int
    ) -> Asked:
        """`counts`: in how many of the `total` passages each stem of the question stands."""
        words = dict.fromkeys(content_words(question))
        # The usual inverse document frequency; a word that stands nowhere weighs most.
        weights = {w: math.log((total + 1) / (counts.get(w, 0) + 0.5)) for w in words}
        return cls(frame, frame.place(vector), weights)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A retrieved passage in the form that signals need."""

    dense: float
    sentence: float
    heading: frozenset[str]
    words: Mapping[str, int]

    @property
    def both(self) -> float:
        return (self.dense + self.sentence) / 2

    @classmethod
    def of(
        cls,
        asked: Asked,
        passage: Passage,
        *,
        heading: str | None = None,
        vector: Vector | None = None,
    ) -> Candidate:
        """`heading` and `vector` stand in for the passage's own (a heading that is hidden)."""
        shown = passage.heading if heading is None else heading
        own = np.frombuffer(passage.embedding, dtype=np.float32) if vector is None else vector
        each = np.frombuffer(passage.sentence_embeddings, dtype=np.float32)
        near = asked.frame.place(each.reshape(-1, DIMENSIONS)) @ asked.vector
        return cls(
            dense=float(asked.frame.place(own) @ asked.vector),
            sentence=float(near.max()) if len(near) else 0.0,
            heading=frozenset(content_words(shown.rpartition(" > ")[2])),
            words=Counter(
                content_words(f"{passage.title} {shown} {without_pointers(passage.text)}")
            ),
        )


def asked_of(
    retriever: Retriever, assistant_id: str, question: str, vector: Vector, frame: Frame
) -> Asked:
    """A question with the weights that its words have in an assistant's content."""
    words = [word for word in dict.fromkeys(tokens(question)) if content_words(word)]
    total, counts = retriever.store.lexical.document_counts(assistant_id, words[:_MOST_WORDS])
    stems: dict[str, int] = {}
    for word, count in counts.items():
        stem = content_words(word)[0]
        stems[stem] = max(count, stems.get(stem, 0))
    return Asked.of(question, vector, frame, stems, total)


def signals(asked: Asked, found: Sequence[Candidate]) -> dict[str, float]:
    """The signals of one question, by name; nothing found gives the least of each."""
    if not found:
        return dict.fromkeys(NAMES, 0.0)
    by_dense = sorted(found, key=lambda c: -c.dense)
    dense = [c.dense for c in by_dense]
    lexical = sorted((_bm25(asked, c) for c in found), reverse=True)
    both = sorted((c.both for c in found), reverse=True)
    best, most = by_dense[0], max(found, key=lambda c: _bm25(asked, c))
    values = (
        dense[0],
        dense[0] - _mean(dense[1 : 1 + _REST]),
        max(c.sentence for c in found),
        both[0],
        both[0] - _mean(both[1 : 1 + _REST]),
        max(_covered(asked, c) for c in found),
        _covered(asked, best),
        lexical[0],
        lexical[0] - _mean(lexical[1 : 1 + _REST]),
        float(best is most),
        max(likeness(asked.weights, c.heading) for c in found),
        math.log1p(len(asked.weights)),
    )
    return dict(zip(NAMES, values, strict=True))


def _bm25(asked: Asked, candidate: Candidate) -> float:
    """BM25 as a share of what the question could reach at most, so that questions compare."""
    most = sum(asked.weights.values()) * (_K1 + 1)
    if not most:
        return 0.0
    norm = _K1 * (1 - _B + _B * sum(candidate.words.values()) / _USUAL_LENGTH)
    score = 0.0
    for word, weight in asked.weights.items():
        count = candidate.words.get(word, 0)
        score += weight * count * (_K1 + 1) / (count + norm)
    return score / most


def _covered(asked: Asked, candidate: Candidate) -> float:
    """The share of the question's words, by weight, that a passage holds."""
    total = sum(asked.weights.values())
    held = sum(w for word, w in asked.weights.items() if word in candidate.words)
    return held / total if total else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
