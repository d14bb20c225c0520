"""Hybrid retrieval: nearest by meaning and best by words, fused by reciprocal rank.

Both raw scores of every hit are kept: deciding whether to answer at all needs them, a fused rank
says nothing about how good the best one is. Fusion: Cormack et al. 2009, with their k = 60.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from server.retrieval.vectors import Vector, VectorIndex, matrix
from server.store import Store
from server.store.knowledge import Passage

_K = 60
_DEPTH = 50


class Embedding(Protocol):
    """What retrieval needs of an embedder."""

    def embed_array(self, texts: list[str]) -> Vector:
        """Unit vectors, float32, (n, 384)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found: cosine with the question, BM25 (0: no shared word), fused rank score."""

    passage: Passage
    dense: float
    lexical: float
    score: float


class Retriever:
    """Find passages of an assistant's content for a question."""

    def __init__(self, store: Store, embedder: Embedding, vectors: VectorIndex) -> None:
        self.store = store
        self._embedder = embedder
        self._vectors = vectors

    def embed(self, question: str) -> Vector:
        """The unit vector of a question, (384,)."""
        vector: Vector = self._embedder.embed_array([question])[0]
        return vector

    def embed_all(self, questions: list[str]) -> Vector:
        """The unit vectors of questions, (n, 384)."""
        return self._embedder.embed_array(questions)

    def search(
        self, assistant_id: str, question: str, *, vector: Vector | None = None, limit: int = 8
    ) -> list[Hit]:
        """Return the best passages, best first; none if the assistant knows nothing yet."""
        query = self.embed(question) if vector is None else vector
        near = self._vectors.nearest(assistant_id, query, _DEPTH)
        words = self.store.lexical.search(assistant_id, question, limit=_DEPTH)
        lexical = {hit.id: hit.score for hit in words}
        fused = _fuse([id for id, _ in near], list(lexical))[:limit]
        passages = {p.id: p for p in self.store.knowledge.passages(ids=[id for id, _ in fused])}
        found = [(passages[id], score) for id, score in fused if id in passages]
        cosines = matrix([p for p, _ in found]) @ query
        return [
            Hit(passage, float(cosine), lexical.get(passage.id, 0.0), score)
            for (passage, score), cosine in zip(found, np.atleast_1d(cosines), strict=True)
        ]


class PassageRetriever(BaseRetriever):
    """The same search as a LangChain retriever, for chains that owners build themselves."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    retriever: Any
    assistant_id: str
    limit: int = 8

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        hits: list[Hit] = self.retriever.search(self.assistant_id, query, limit=self.limit)
        return [
            Document(
                id=hit.passage.id,
                page_content=hit.passage.text,
                metadata={"title": hit.passage.title, "url": hit.passage.url, "score": hit.score},
            )
            for hit in hits
        ]


def _fuse(*rankings: list[str]) -> list[tuple[str, float]]:
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking, start=1):
            scores[id] = scores.get(id, 0.0) + 1 / (_K + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
