"""Hybrid retrieval: meaning and words together, both scores kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from server.retrieval.hybrid import PassageRetriever, Retriever, _fuse
from server.retrieval.vectors import ExactIndex, Vector
from server.store import Store
from tests.speaking import RETURNS, SHIPPING, SITE, Talk


@pytest.fixture
def talk(store: Store) -> Iterator[Talk]:
    opened = Talk(store)
    yield opened
    opened.chat.close()


class _Astray:
    """An index that finds what it is told to."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    def nearest(self, assistant_id: str, query: Vector, limit: int) -> list[tuple[str, float]]:
        return [(id, 0.5) for id in self._ids]


def test_the_best_passage_by_meaning_and_words_comes_first(talk: Talk) -> None:
    hits = talk.retriever.search(talk.assistant.id, "What does shipping to Norway cost?")
    assert hits[0].passage.url == f"{SITE}/shipping"
    assert hits[0].dense > 0.3 and hits[0].lexical > 0
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)


def test_a_passage_that_shares_no_word_has_no_lexical_score(talk: Talk) -> None:
    hits = talk.retriever.search(talk.assistant.id, "norway")
    assert {h.passage.title: h.lexical > 0 for h in hits} == {"Shipping": True, "Returns": False}


@pytest.mark.parametrize(
    "question",
    ['"', "' OR 1=1 --", "NEAR(", "a* AND", "title:x", "(((", "?", "", "\x00", "né ünï 🙂", "-x"],
)
def test_any_question_is_text_and_never_query_syntax(talk: Talk, question: str) -> None:
    talk.retriever.search(talk.assistant.id, question)


def test_a_passage_that_left_the_database_is_no_hit(talk: Talk) -> None:
    real = sorted(talk.store.knowledge.passage_ids(talk.assistant.id))
    astray: object = _Astray("psg_gone", *real)
    retriever = Retriever(talk.store, talk.embedder, astray)  # type: ignore[arg-type]
    found = [h.passage.id for h in retriever.search(talk.assistant.id, "zzz")]
    assert sorted(found) == real


def test_an_assistant_finds_its_own_content_only(talk: Talk) -> None:
    other = talk.store.assistants.create("Other", key="other")
    assert talk.retriever.search(other.id, "Norway") == []


def test_the_limit_is_kept(talk: Talk) -> None:
    assert len(talk.retriever.search(talk.assistant.id, "orders", limit=1)) == 1


def test_dense_scores_are_cosines_of_the_stored_embeddings(talk: Talk) -> None:
    question = "Norway"
    vector = talk.retriever.embed(question)
    for hit in talk.retriever.search(talk.assistant.id, question):
        own = np.frombuffer(hit.passage.embedding, dtype=np.float32)
        assert hit.dense == pytest.approx(float(own @ vector), abs=1e-5)


def test_fusion_favours_what_both_rankings_know() -> None:
    assert [id for id, _ in _fuse(["a", "b", "c"], ["b", "d"])] == ["b", "a", "d", "c"]


def test_fusion_is_the_same_whatever_ties_there_are() -> None:
    assert _fuse(["b"], ["a"]) == _fuse(["b"], ["a"]) and _fuse(["b"], ["a"])[0][0] == "a"


def test_the_langchain_retriever_gives_the_same_passages(talk: Talk) -> None:
    chain = PassageRetriever(retriever=talk.retriever, assistant_id=talk.assistant.id, limit=1)
    document = chain.invoke("Norway shipping")[0]
    assert document.page_content == " ".join(SHIPPING)
    assert document.metadata["url"] == f"{SITE}/shipping" and document.id


def test_a_longer_memory_of_the_index_does_not_hide_new_content(talk: Talk) -> None:
    index = ExactIndex(talk.store)
    retriever = Retriever(talk.store, talk.embedder, index)
    assert retriever.search(talk.assistant.id, RETURNS[0])[0].passage.title == "Returns"
    talk.learn(f"{SITE}/hammers", "Hammers", ["Hammers weigh two kilos each."])
    assert retriever.search(talk.assistant.id, "hammers weigh")[0].passage.title == "Hammers"
