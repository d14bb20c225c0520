"""Retrieval for an evaluation: each search once for all models, and with sections hidden."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from server.retrieval.hybrid import Embedding, Hit, Retriever
from server.retrieval.vectors import Vector, VectorIndex
from server.store import Store


class Remembering(Retriever):
    """A retriever that keeps what it found: both models are asked the very same."""

    def __init__(self, store: Store, embedder: Embedding, vectors: VectorIndex) -> None:
        super().__init__(store, embedder, vectors)
        self._searched: dict[tuple[str, str, int], list[Hit]] = {}
        self._embedded: dict[str, Vector] = {}

    def embed(self, question: str) -> Vector:
        if question not in self._embedded:
            self._embedded[question] = super().embed(question)
        return self._embedded[question]

    def search(
        self, assistant_id: str, question: str, *, vector: Vector | None = None, limit: int = 8
    ) -> list[Hit]:
        # The vector is always the question's own; several threads may find the same at once.
        key = (assistant_id, question, limit)
        if key not in self._searched:
            self._searched[key] = super().search(
                assistant_id, question, vector=self.embed(question), limit=limit
            )
        return self._searched[key]


class Hiding(Remembering):
    """A retriever to which the sections that answer some questions do not exist.

    What RGB calls negative rejection (Chen et al. 2024), by the same means as the fitting of the
    gate: the section is left out of what is found, and the next best come up.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedding,
        vectors: VectorIndex,
        hidden: Mapping[str, AbstractSet[str]],
    ) -> None:
        super().__init__(store, embedder, vectors)
        self._hidden = hidden

    def search(
        self, assistant_id: str, question: str, *, vector: Vector | None = None, limit: int = 8
    ) -> list[Hit]:
        gone = self._hidden.get(question, frozenset[str]())
        found = super().search(assistant_id, question, limit=limit + len(gone))
        return [hit for hit in found if hit.passage.id not in gone][:limit]
