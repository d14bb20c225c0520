"""Nearest passages by embedding: Chroma where one process owns it, an exact scan anywhere else.

Chroma is an index, the database is the truth: embeddings live with the passages, so an index can
be checked against them, repaired, or done without.
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol, cast

import chromadb
import numpy as np
from chromadb.api.client import Client
from chromadb.config import Settings as ChromaSettings
from numpy.typing import NDArray

from server.errors import Conflict
from server.store import Store
from server.store.knowledge import Passage

Vector = NDArray[np.float32]

DIMENSIONS = 384
_BATCH = 1000

log = logging.getLogger(__name__)


class VectorIndex(Protocol):
    """What retrieval needs of a vector index. Vectors are float32, unit length, (n, 384)."""

    def nearest(self, assistant_id: str, query: Vector, limit: int) -> list[tuple[str, float]]:
        """(passage id, cosine) of the nearest passages, nearest first."""

    def put(self, assistant_id: str, ids: Sequence[str], vectors: Vector) -> None:
        """Add passages, or replace those with the same id."""

    def remove(self, assistant_id: str, ids: Sequence[str]) -> None:
        """Remove passages; unknown ids are ignored."""

    def close(self) -> None:
        """Give back files and locks."""


class ChromaIndex:
    """A persistent Chroma collection for each assistant, owned by one process."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        # Two processes on one path go wrong silently: the second one is turned away here.
        self._lock = _lock(path / "owner.lock")
        self._client = cast(
            Client,
            chromadb.PersistentClient(
                str(path), settings=ChromaSettings(anonymized_telemetry=False)
            ),
        )

    def nearest(self, assistant_id: str, query: Vector, limit: int) -> list[tuple[str, float]]:
        found = self._collection(assistant_id).query(
            query_embeddings=[cast(Any, query)], n_results=limit, include=["distances"]
        )
        distances = (found["distances"] or [[]])[0]
        return [
            (id, 1.0 - float(distance))
            for id, distance in zip(found["ids"][0], distances, strict=True)
        ]

    def put(self, assistant_id: str, ids: Sequence[str], vectors: Vector) -> None:
        collection = self._collection(assistant_id)
        for start in range(0, len(ids), _BATCH):
            # upsert, never add: add silently ignores an id that is there already.
            collection.upsert(
                ids=list(ids[start : start + _BATCH]),
                embeddings=cast(Any, vectors[start : start + _BATCH]),
            )

    def remove(self, assistant_id: str, ids: Sequence[str]) -> None:
        collection = self._collection(assistant_id)
        for start in range(0, len(ids), _BATCH):
            collection.delete(ids=list(ids[start : start + _BATCH]))

    def reconcile(self, store: Store, assistant_id: str) -> tuple[int, int]:
        """Make the index hold exactly the passages of the database; return (added, removed)."""
        held = set(self._collection(assistant_id).get(include=[])["ids"])
        true = store.knowledge.passage_ids(assistant_id)
        missing, stray = sorted(true - held), sorted(held - true)
        for start in range(0, len(missing), _BATCH):
            passages = store.knowledge.passages(ids=missing[start : start + _BATCH])
            self.put(assistant_id, [p.id for p in passages], matrix(passages))
        self.remove(assistant_id, stray)
        if missing or stray:
            log.info("index repaired: %d added, %d removed", len(missing), len(stray))
        return len(missing), len(stray)

    def close(self) -> None:
        self._client.close()
        self._lock.close()

    def _collection(self, assistant_id: str) -> chromadb.Collection:
        return self._client.get_or_create_collection(
            f"{assistant_id}-v1",
            embedding_function=None,
            configuration={"hnsw": {"space": "cosine", "ef_search": 100}},
        )


class ExactIndex:
    """A scan over the embeddings in the database: always right, in any process, nothing to keep.

    For the tuning worker and the command line, which must not open Chroma's folder beside the
    web process. 10,000 passages take about a millisecond.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cache: dict[str, tuple[frozenset[str], list[str], Vector]] = {}

    def nearest(self, assistant_id: str, query: Vector, limit: int) -> list[tuple[str, float]]:
        ids, vectors = self._vectors(assistant_id)
        if not ids:
            return []
        cosines = vectors @ query
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [(ids[i], float(cosines[i])) for i in best]

    def put(self, assistant_id: str, ids: Sequence[str], vectors: Vector) -> None:
        self._cache.pop(assistant_id, None)

    def remove(self, assistant_id: str, ids: Sequence[str]) -> None:
        self._cache.pop(assistant_id, None)

    def close(self) -> None:
        self._cache.clear()

    def _vectors(self, assistant_id: str) -> tuple[list[str], Vector]:
        present = frozenset(self._store.knowledge.passage_ids(assistant_id))
        cached = self._cache.get(assistant_id)
        if cached is None or cached[0] != present:
            passages = self._store.knowledge.passages(assistant_id=assistant_id)
            cached = (present, [p.id for p in passages], matrix(passages))
            self._cache[assistant_id] = cached
        return cached[1], cached[2]


def matrix(passages: Sequence[Passage]) -> Vector:
    """The embeddings of passages, (n, 384)."""
    if not passages:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    return np.stack([np.frombuffer(p.embedding, dtype=np.float32) for p in passages])


def _lock(path: Path) -> IO[str]:
    handle = path.open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise Conflict(
            f"Another Parlance process uses {path.parent}.",
            hint="Stop it, or give this one another PARLANCE_HOME.",
        ) from None
    return handle
