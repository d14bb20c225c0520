"""Evidence: the few sentences of the retrieved passages that bear on the question.

A small model answers better from six good sentences than from three whole passages, and a quote
of the best two is the floor below which no answer falls (design, decision 13).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from server.answering.signals import RAW, Candidate, Frame, asked_of, signals
from server.answering.words import content_words, is_pointer, likeness
from server.retrieval.hybrid import Hit, Retriever
from server.retrieval.vectors import DIMENSIONS, Vector
from server.store.knowledge import Passage

SENTENCES = 6
_WORDS = 220
_SHORTEST = 20
_LIST_WORDS = 60
_CLOSED = '.!?…。！？"”’)]'
_LEAST_WORDS = 3
_POINTING = 0.3
# Passages of one page that may speak before those of other pages: a page stuffed with questions
# must not be all that the model reads (hardening A34). Among the hits such a cap costs recall: of
# 135 headings of debian-faq, 4 lost their passage.
_OF_ONE_PAGE = 3


@dataclass(frozen=True, slots=True)
class EvidenceSentence:
    """A sentence of a passage: offsets in its text, and how well it bears on the question."""

    passage: Passage
    start: int
    end: int
    score: float

    @property
    def text(self) -> str:
        return " ".join(self.passage.text[self.start : self.end].split())

    @property
    def quote(self) -> str:
        """The words as they stand, with the line breaks of a list."""
        lines = self.passage.text[self.start : self.end].strip().splitlines()
        return "\n".join(line.rstrip() for line in lines if line.strip())

    @property
    def url(self) -> str:
        return self.passage.address


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer may draw on: sentences, best first, of the passages found. `signals` tell the
    gate how likely the content holds the answer at all."""

    question: str
    sentences: tuple[EvidenceSentence, ...]
    hits: tuple[Hit, ...]
    signals: Mapping[str, float]
    # How many questions it answers: the first so many sentences are the best for each.
    parts: int = 1

    @property
    def facts(self) -> list[str]:
        return [s.text for s in self.sentences]


def find_evidence(
    retriever: Retriever, assistant_id: str, question: str, *, frame: Frame = RAW
) -> Evidence:
    """Retrieve passages and pick their best sentences. `frame`: of the assistant's gate."""
    vector = retriever.embed(question)
    hits = retriever.search(assistant_id, question, vector=vector)
    scored = [s for hit in hits for s in _score(hit, question, vector)]
    ranked = sorted(scored, key=lambda s: (-s.score, s.passage.seq, s.start))
    chosen = _choose(_spread(ranked))
    asked = asked_of(retriever, assistant_id, question, vector, frame)
    seen = signals(asked, [Candidate.of(asked, hit.passage) for hit in hits])
    return Evidence(question, tuple(chosen), tuple(hits), seen)


def combine(question: str, parts: Sequence[Evidence]) -> Evidence:
    """The evidence of several questions asked at once, by turns; the signals are the weakest's."""
    leads = {p.sentences[0].text: p.sentences[0] for p in parts if p.sentences}
    by_turns = [s for row in zip_longest(*(p.sentences[1:] for p in parts)) for s in row if s]
    hits = {h.passage.id: h for p in parts for h in p.hits}
    weakest = min(parts, key=lambda p: p.signals["near"])
    chosen = _choose([*leads.values(), *by_turns], most=max(SENTENCES, 2 * len(parts)))
    led = sum(s.text in leads for s in chosen[: len(leads)])
    return Evidence(question, tuple(chosen), tuple(hits.values()), weakest.signals, led)


def as_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """Evidence as it is logged with a turn."""
    by_passage = {h.passage.id: h for h in evidence.hits}
    return [
        {
            "passage": s.passage.id,
            "page": s.passage.page_id,
            "source": s.passage.source_id,
            "version": s.passage.page_version,
            "hash": s.passage.hash,
            "title": s.passage.title,
            "heading": s.passage.heading,
            "url": s.url,
            "text": s.text,
            "score": round(s.score, 4),
            "dense": round(by_passage[s.passage.id].dense, 4),
            "lexical": round(by_passage[s.passage.id].lexical, 4),
        }
        for s in evidence.sentences
    ]


def _score(hit: Hit, question: str, vector: Vector) -> list[EvidenceSentence]:
    wanted = set(content_words(question))
    vectors = _sentence_vectors(hit.passage)
    heading = likeness(wanted, content_words(hit.passage.heading.rsplit(" > ", 1)[-1]))
    found = []
    for n, (start, end) in enumerate(hit.passage.sentences):
        text = hit.passage.text[start:end]
        words = content_words(text)
        if end - start < _SHORTEST or len(words) < _LEAST_WORDS:
            continue  # a heading's rest, a line of code: alone they answer nothing
        own = float(vectors[n] @ vector) if n < len(vectors) else 0.0
        shared = len(wanted.intersection(words)) / len(wanted) if wanted else 0.0
        # A section's first sentences answer its heading, often in other words than the heading's.
        answers = heading / (1 + 0.5 * n)
        score = 0.4 * own + 0.3 * hit.dense + 0.1 * shared + 0.35 * answers
        score -= _POINTING * is_pointer(text)
        whole = end if text.rstrip()[-1:] in _CLOSED else _with_list(hit.passage, n)
        found.append(EvidenceSentence(hit.passage, start, whole, score))
    return found


def _with_list(passage: Passage, n: int) -> int:
    """The end of what sentence `n` announces: "X runs on:" says nothing without its list, nor does
    "execute the command" without the command."""
    start, end = passage.sentences[n]
    lists = passage.text[start:end].rstrip().endswith(":")
    for _, later in passage.sentences[n + 1 :][: None if lists else 1]:
        if len(passage.text[start:later].split()) > _LIST_WORDS:
            break
        end = later
    return end


def _spread(ranked: Sequence[EvidenceSentence]) -> list[EvidenceSentence]:
    """Put the sentences of a page's further passages behind what other pages have to say."""
    heard: dict[str, list[str]] = {}
    for sentence in ranked:
        passages = heard.setdefault(sentence.passage.page_id, [])
        if sentence.passage.id not in passages:
            passages.append(sentence.passage.id)
    return sorted(
        ranked,
        key=lambda s: heard[s.passage.page_id].index(s.passage.id) >= _OF_ONE_PAGE,
    )


def _choose(ranked: Sequence[EvidenceSentence], *, most: int = SENTENCES) -> list[EvidenceSentence]:
    chosen: list[EvidenceSentence] = []
    seen: set[str] = set()
    words = 0
    for sentence in ranked:
        key = sentence.text.lower()
        length = len(key.split())
        if key in seen or (chosen and words + length > _WORDS):
            continue
        seen.add(key)
        words += length
        chosen.append(sentence)
        if len(chosen) == most:
            break
    return chosen


def _sentence_vectors(passage: Passage) -> Vector:
    return np.frombuffer(passage.sentence_embeddings, dtype=np.float32).reshape(-1, DIMENSIONS)
