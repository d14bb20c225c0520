"""Curated answers first: a question that a person has answered gets that answer, word for word.

Two kinds count: answers that were written or approved in the console, and the pairs of FAQ sources,
which stay where they are (their questions are the headings of their passages).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from server.answering.citations import Citation, bearer
from server.answering.compose import CURATED, Reply
from server.answering.evidence import EvidenceSentence
from server.answering.sameness import alike, set_apart
from server.answering.words import content_words, likeness
from server.errors import NotFound
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import DIMENSIONS, Vector
from server.store import Store
from server.store.assistants import Assistant
from server.store.curated import Curated, Wording, question_key
from server.store.faq import Faq, FaqHeading
from server.store.knowledge import Passage

_CANDIDATES = 8
_KEPT_VECTORS = 4096
# An FAQ question with fewer shared words is not worth embedding (some 5 ms each, once).
_FAQ_SHARE = 0.3
_BY_HAND, _FAQ = "curated", "faq"


@dataclass(frozen=True, slots=True)
class Match:
    """An approved answer that fits a question: `score` from 0 to 1; `kind`: curated or faq.

    `id` is the curated answer's, or the page's of an FAQ pair; `question` its wording that fits
    best; `apart` says what makes it another question all the same (see `set_apart`).
    """

    kind: str
    id: str
    question: str
    score: float
    apart: str | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """One question of an approved answer as it is compared: its key, its stems, its vector."""

    kind: str
    id: str
    question: str
    key: str
    words: frozenset[str]
    vector: Vector | None


@dataclass(slots=True)
class _Known:
    """All approved questions of an assistant, indexed by key, by word and by vector."""

    entries: list[Approved]
    by_key: dict[str, int] = field(default_factory=dict)
    by_word: dict[str, list[int]] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    vectors: Vector = field(default_factory=lambda: np.zeros((0, DIMENSIONS), dtype=np.float32))

    def __post_init__(self) -> None:
        words: defaultdict[str, list[int]] = defaultdict(list)
        for n, entry in enumerate(self.entries):
            self.by_key.setdefault(entry.key, n)
            for word in entry.words:
                words[word].append(n)
        self.by_word = dict(words)
        held = [(n, e.vector) for n, e in enumerate(self.entries) if e.vector is not None]
        self.rows = [n for n, _ in held]
        if held:
            self.vectors = np.stack([vector for _, vector in held])

    def candidates(self, words: set[str], vector: Vector) -> list[Approved]:
        """The few that are nearest by meaning, and the few that share most words."""
        cosines = self.vectors @ vector
        near = [self.rows[i] for i in np.argsort(-cosines, kind="stable")[:_CANDIDATES]]
        shared = Counter(n for word in words for n in self.by_word.get(word, ()))
        best = sorted(shared, key=lambda n: (-shared[n], len(self.entries[n].words), n))
        return [self.entries[n] for n in dict.fromkeys([*near, *best[:_CANDIDATES]])]


class CuratedAnswers:
    """Finds the approved answer to a question, and writes new ones. Reads follow every change."""

    def __init__(self, store: Store, retriever: Retriever) -> None:
        self._store = store
        self._faq = Faq(store.database)
        self._retriever = retriever
        self._known: dict[str, tuple[tuple[Any, ...], _Known]] = {}
        self._vectors: dict[str, Vector] = {}

    def match(self, assistant: Assistant, question: str, *, leans: bool = False) -> Match | None:
        """The approved answer to this very question, if there is one.

        `leans`: the question leans on what was said before ("And how long?"), so only the same
        words count, and only if they say something by themselves.
        """
        known = self._approved(assistant.id)
        exact = known.by_key.get(question_key(question))
        words = set(content_words(question))
        if exact is not None and (len(words) > 1 or not leans):
            entry = known.entries[exact]
            return Match(entry.kind, entry.id, entry.question, 1.0)
        if leans or not words or not known.entries:
            return None
        found = self._ranked(known, assistant, question)
        sure = (m for m in found if m.apart is None)
        best = next(sure, None)
        return best if best and best.score >= assistant.settings.curated_threshold else None

    def nearest(self, assistant: Assistant, question: str, *, limit: int = 3) -> list[Match]:
        """The approved answers nearest to a question, whether they would be given or not."""
        best: dict[tuple[str, str], Match] = {}
        for match in self._ranked(self._approved(assistant.id), assistant, question):
            best.setdefault((match.kind, match.id), match)
        return list(best.values())[:limit]

    def reply(self, match: Match) -> Reply | None:
        """The matched answer as a reply; None if it went in the meantime."""
        if match.kind == _FAQ:
            return _faq_reply(self._store.knowledge.passages(page_id=match.id))
        try:
            found = self._store.curated.get(match.id)
        except NotFound:
            return None
        citations = [_citation_of(found, self._store, self._faq)] if found.url else []
        return Reply(text=found.answer, label=CURATED, citations=citations)

    def add(
        self, assistant: Assistant, wording: Wording, *, author: str, turn_id: str | None = None
    ) -> Curated:
        """Store an approved answer."""
        return self._store.curated.add(
            assistant.id, wording, self._embedded(wording), author=author, turn_id=turn_id
        )

    def change(self, curated_id: str, wording: Wording) -> Curated:
        """Replace what a curated answer says."""
        return self._store.curated.change(curated_id, wording, self._embedded(wording))

    def approved(self, assistant_id: str) -> list[Approved]:
        """Every approved question of an assistant."""
        return self._approved(assistant_id).entries

    def answers(self, assistant_id: str) -> dict[str, str]:
        """The answers to them, by `Approved.id`."""
        by_hand = {c.id: c.answer for c in self._store.curated.all(assistant_id)}
        return by_hand | self._faq.answers(assistant_id)

    def _embedded(self, wording: Wording) -> bytes:
        vectors = [self._retriever.embed(text) for text in (wording.question, *wording.variants)]
        return np.stack(vectors).astype(np.float32).tobytes()

    def _ranked(self, known: _Known, assistant: Assistant, question: str) -> list[Match]:
        vector = self._retriever.embed(question)
        words, ours = set(content_words(question)), frozenset(content_words(assistant.name))
        found = []
        for entry in known.candidates(words, vector):
            if entry.vector is None and likeness(words, entry.words) < _FAQ_SHARE:
                continue
            cosine = float(self._vector(entry) @ vector)
            apart = set_apart(question, entry.question, known=ours)
            score = round(alike(cosine, words, entry.words), 4)
            found.append(Match(entry.kind, entry.id, entry.question, score, apart))
        return sorted(found, key=lambda m: (-m.score, m.kind))

    def _vector(self, entry: Approved) -> Vector:
        """A question's vector; an FAQ's is made when it first comes near, then kept."""
        if entry.vector is not None:
            return entry.vector
        known = self._vectors.get(entry.question)
        if known is None:
            if len(self._vectors) >= _KEPT_VECTORS:
                self._vectors.clear()
            known = self._vectors[entry.question] = self._retriever.embed(entry.question)
        return known

    def _approved(self, assistant_id: str) -> _Known:
        """What is approved now: read again only if a fingerprint has changed."""
        present = (
            *self._store.curated.fingerprint(assistant_id),
            *self._faq.fingerprint(assistant_id),
        )
        cached = self._known.get(assistant_id)
        if cached is None or cached[0] != present:
            by_hand = _by_hand(self._store.curated.all(assistant_id))
            faq = _from_faq(self._faq.headings(assistant_id))
            cached = (present, _Known([*by_hand, *faq]))
            self._known[assistant_id] = cached
        return cached[1]


def _by_hand(found: Iterable[Curated]) -> Iterable[Approved]:
    for one in found:
        if one.status == "approved":
            vectors = np.frombuffer(one.embeddings, dtype=np.float32).reshape(-1, DIMENSIONS)
            for text, vector in zip(one.wordings, vectors, strict=True):
                yield _approved(_BY_HAND, one.id, text, vector)


def _from_faq(found: Iterable[FaqHeading]) -> Iterable[Approved]:
    return (_approved(_FAQ, one.page_id, one.heading, None) for one in found)


def _approved(kind: str, id: str, question: str, vector: Vector | None) -> Approved:
    words = frozenset(content_words(question))
    return Approved(kind, id, question, question_key(question), words, vector)


def _faq_reply(passages: Sequence[Passage]) -> Reply | None:
    """An FAQ's whole answer; the citation quotes its first passage."""
    if not passages:
        return None
    text = "\n\n".join(p.text for p in sorted(passages, key=lambda p: p.ordinal))
    first = min(passages, key=lambda p: p.ordinal)
    whole = EvidenceSentence(first, 0, len(first.text), 1.0)
    return Reply(text=text, label=CURATED, citations=[Citation(1, [whole], [len(text)]).as_row()])


def _citation_of(found: Curated, store: Store, faq: Faq) -> dict[str, Any]:
    """The link of a curated answer as a citation.

    Where it leads to a page of ours, the sentence that carries most of the answer is quoted, and
    the citation is bound to the page's version like any other; elsewhere there is only the link.
    """
    page = faq.page_by_url(found.assistant_id, found.url)
    passages = store.knowledge.passages(page_id=page.id) if page else []
    sentences = [
        EvidenceSentence(p, start, end, 1.0) for p in passages for start, end in p.sentences
    ]
    best = bearer(found.answer, sentences)
    if best is not None:
        return Citation(1, [best], [len(found.answer)]).as_row() | {"url": found.url}
    unbound = dict.fromkeys(("source", "page", "passage", "version", "hash"))
    title = page.title if page and page.title else found.question
    shown = {"n": 1, "title": title, "url": found.url, "quote": ""}
    return shown | unbound | {"spans": [], "marks": [len(found.answer)]}
