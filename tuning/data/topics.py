"""Topics of a dataset: its questions in a few clusters, each named by its own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from server.answering.words import content_words, tokens
from server.retrieval.vectors import Vector

_MOST, _QUESTIONS_EACH = 8, 6
_WORDS = 3


@dataclass(frozen=True, slots=True)
class Topic:
    """A cluster of questions: the words that tell it from the others, and how many there are."""

    words: tuple[str, ...]
    questions: int


def topics(questions: Sequence[str], vectors: Vector, *, seed: int) -> list[Topic]:
    """K-means over unit vectors of questions, the largest topic first.

    As many clusters as make six questions each, at most eight. The words of a topic are those of
    the highest tf-idf, its clusters being the documents.
    """
    from sklearn.cluster import KMeans  # type: ignore[import-untyped]  # some 60 MB: not at start

    count = max(1, min(_MOST, len(questions) // _QUESTIONS_EACH))
    if not questions:
        return []
    places = KMeans(count, random_state=seed, n_init=4).fit_predict(vectors)
    clusters = [[q for q, p in zip(questions, places, strict=True) if p == n] for n in range(count)]
    used = [Counter(w for q in own for w in set(content_words(q))) for own in clusters]
    spread = Counter(word for counts in used for word in counts)
    spelled = _spelled(questions)
    found = [
        Topic(
            tuple(
                spelled.get(w, w)
                for w, _ in sorted(
                    counts.items(),
                    key=lambda one: (-one[1] * log(1 + count / spread[one[0]]), one[0]),
                )[:_WORDS]
            ),
            len(own),
        )
        for own, counts in zip(clusters, used, strict=True)
        if own
    ]
    return sorted(found, key=lambda topic: (-topic.questions, topic.words))


def _spelled(questions: Sequence[str]) -> dict[str, str]:
    """The commonest spelling of each stem."""
    seen: dict[str, Counter[str]] = {}
    for question in questions:
        for word in tokens(question):
            for stem in content_words(word):
                seen.setdefault(stem, Counter())[word] += 1
    return {stem: counts.most_common(1)[0][0] for stem, counts in seen.items()}
