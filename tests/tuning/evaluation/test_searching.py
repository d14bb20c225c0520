"""Retrieval in an evaluation: found once, and not found where it is hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from server.retrieval.vectors import ExactIndex, Vector
from server.store import Store
from tests.speaking import QUESTION, Talk, WordEmbedder
from tuning.evaluation.searching import Hiding, Remembering


class _Counting(WordEmbedder):
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def embed_array(self, texts: Sequence[str]) -> Vector:
        self.calls += 1
        return super().embed_array(texts)


@pytest.fixture
def talk(sqlite_store: Store) -> Iterator[Talk]:
    opened = Talk(sqlite_store)
    yield opened
    opened.chat.close()


def test_a_question_is_searched_once_for_all_models(talk: Talk) -> None:
    embedder = _Counting()
    retriever = Remembering(talk.store, embedder, ExactIndex(talk.store))
    first = retriever.search(talk.assistant.id, QUESTION)
    assert retriever.search(talk.assistant.id, QUESTION) == first
    assert embedder.calls == 1
    plain = talk.retriever.search(talk.assistant.id, QUESTION)
    assert [h.passage.id for h in first] == [h.passage.id for h in plain]


def test_a_hidden_section_is_not_found_for_its_own_question_only(talk: Talk) -> None:
    best = talk.retriever.search(talk.assistant.id, QUESTION)[0].passage.id
    index = ExactIndex(talk.store)
    hiding = Hiding(talk.store, WordEmbedder(), index, {QUESTION: frozenset({best})})
    hidden = [h.passage.id for h in hiding.search(talk.assistant.id, QUESTION)]
    assert hidden and best not in hidden
    again = hiding.search(talk.assistant.id, "May orders be returned?")
    assert best in [h.passage.id for h in again]
