"""Learning in the background: turns are counted, then topics and gaps are found anew."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from server.learn.arranging import arranged
from server.learn.gaps import find_gaps
from server.periodic import Periodic
from server.retrieval.hybrid import Retriever
from server.store import Store
from server.store.assistants import Assistant
from server.store.faq import Faq
from server.store.topics import TOPIC, Uncounted, wording_hash

log = logging.getLogger(__name__)

LOOK_SECONDS = 300.0
# Some two seconds of embedding; between two of them visitors' questions have their turn.
_BATCH = 400
_LEAST = 2


class Watch(Periodic):
    """Looks at every assistant that was asked something, or whose answers changed, since."""

    def __init__(
        self, store: Store, retriever: Retriever, *, seconds: float = LOOK_SECONDS
    ) -> None:
        super().__init__("learning", seconds)
        self._store = store
        self._retriever = retriever
        self._seen: dict[str, tuple[Any, ...]] = {}

    def look(self) -> None:
        """Look once; one assistant that fails keeps no other waiting."""
        for assistant in self._store.assistants.all():
            try:
                self._look_at(assistant)
            except Exception:
                log.exception("learning from what %s was asked failed", assistant.key)

    def _look_at(self, assistant: Assistant) -> None:
        counted = count_turns(
            self._store, self._retriever, assistant, is_stopping=self._closing.is_set
        )
        if self._closing.is_set():
            return
        judged = self._store.topics.judge_again(assistant.id)
        answers = _answers(self._store, assistant)
        if counted or judged or self._seen.get(assistant.id) != answers:
            find_topics(self._store, assistant)
            find_gaps(self._store, self._retriever, assistant)
            self._seen[assistant.id] = answers


def learn(store: Store, retriever: Retriever, assistant: Assistant) -> None:
    """Count what was asked until now, and find topics and gaps."""
    count_turns(store, retriever, assistant)
    store.topics.judge_again(assistant.id)
    find_topics(store, assistant)
    find_gaps(store, retriever, assistant)


def count_turns(
    store: Store,
    retriever: Retriever,
    assistant: Assistant,
    *,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Count turns that finished since; each new wording is embedded once. How many there were."""
    total = 0
    while not is_stopping():
        found = store.topics.uncounted(assistant.id, limit=_BATCH)
        if not found:
            break
        store.topics.count(assistant.id, found, _new_wordings(store, retriever, assistant, found))
        total += len(found)
    return total


def find_topics(store: Store, assistant: Assistant) -> None:
    """Group every question anew; topics go on under their id and name."""
    worded = store.topics.wordings(assistant.id, TOPIC)
    made = arranged(worded, store.topics.all(assistant.id, TOPIC), least=_LEAST)
    store.topics.put(assistant.id, TOPIC, made.found, made.members)


def _new_wordings(
    store: Store, retriever: Retriever, assistant: Assistant, found: list[Uncounted]
) -> dict[str, tuple[str, bytes]]:
    # Of those that differ in blanks and end marks only, the one that was asked first.
    said = {wording_hash(turn.question): turn.question for turn in reversed(found)}
    new = sorted(store.topics.unworded(assistant.id, list(said)))
    if not new:
        return {}
    vectors = retriever.embed_all([said[hash] for hash in new]).astype(np.float16)
    return {hash: (said[hash], vectors[n].tobytes()) for n, hash in enumerate(new)}


def _answers(store: Store, assistant: Assistant) -> tuple[Any, ...]:
    """Changes whenever an approved answer does: it may close a gap."""
    faq = Faq(store.database).fingerprint(assistant.id)
    return (*store.curated.fingerprint(assistant.id), *faq)
