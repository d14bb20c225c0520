"""Learning from logged turns: topics, gaps, what closes them, and names that stay."""

from __future__ import annotations

import time
from typing import Any

import pytest

from server.answering.curated import CuratedAnswers
from server.learn.gaps import find_gaps
from server.learn.refresh import Watch, count_turns, learn
from server.learn.sources import usage
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.store import Store
from server.store.assistants import Assistant
from server.store.conversations import Answered, Filter, Turn
from server.store.curated import Curated, CuratedStore, Wording
from server.store.reviews import Verdict
from server.store.topics import GAP, TOPIC
from tests.speaking import WordEmbedder

RETURNS = ("How do I return shoes?", "return shoes", "returning the shoes")


def _retriever(store: Store) -> Retriever:
    return Retriever(store, WordEmbedder(), ExactIndex(store))


def _asked(
    store: Store, own: Assistant, question: str, label: str = "supported", **values: Any
) -> Turn:
    talk = store.conversations.start(
        own.id, visitor_id=values.pop("visitor", question), token_hash="", page_url=""
    )
    turn, _ = store.conversations.open_turn(talk, question, idempotency_key=None)
    cited = values.pop("citations", [])
    store.conversations.finish_turn(
        turn.id, Answered("complete", label, "So.", "", [], cited, "1", [], None, {})
    )
    return turn


def _page(store: Store, own: Assistant, url: str = "https://x.org/a") -> tuple[str, str]:
    source = store.knowledge.add_source(own.id, "website", url, {})
    store.knowledge.put_page(source, url=url, title="A page", hash="h", round=1, new_passages=[])
    return source.id, store.knowledge.pages(source.id)[0].id


def test_what_two_turns_ask_alike_is_a_topic_with_its_numbers(store: Store) -> None:
    own, other = (store.assistants.create(n, key=n) for n in ("own", "other"))
    for question in (*RETURNS, "Do you sell gift cards?"):
        _asked(store, own, question)
    _asked(store, own, "How do I return shoes ?", visitor=RETURNS[0])
    _asked(store, other, RETURNS[0])
    learn(store, _retriever(store), own)
    [topic] = store.topics.all(own.id, TOPIC)
    [numbers] = store.learnt.asked(own.id, TOPIC, since=0)
    assert (topic.name, numbers.id) == (RETURNS[0], topic.id)
    assert (numbers.conversations, numbers.visitors, numbers.bad) == (4, 3, 0)
    assert store.learnt.totals(own.id, since=0) == (5, 0)
    listed = store.conversations.list(own.id, Filter(topic=topic.id, days=7))
    assert len(listed) == numbers.conversations
    assert sum(store.learnt.by_day(own.id, [topic.id], since=0)[topic.id].values()) == 4


def test_a_turn_is_counted_once(store: Store) -> None:
    own, retriever = store.assistants.create("own", key="own"), _retriever(store)
    _asked(store, own, RETURNS[0])
    assert [count_turns(store, retriever, own) for _ in range(2)] == [1, 0]


def test_a_topic_keeps_its_id_and_the_name_that_a_person_gave_it(store: Store) -> None:
    own, retriever = store.assistants.create("own", key="own"), _retriever(store)
    for question in RETURNS:
        _asked(store, own, question)
    learn(store, retriever, own)
    [before] = store.topics.all(own.id, TOPIC)
    store.topics.rename(own.id, before.id, "Returns", by="r@x.org")
    for visitor in "abcdef":
        _asked(store, own, "Can I return shoes?", visitor=visitor)
        _asked(store, own, "When does my parcel arrive?", visitor=visitor)
    learn(store, retriever, own)
    names = {t.id: t.name for t in store.topics.all(own.id, TOPIC)}
    assert names[before.id] == "Returns" and len(names) == 2
    again = store.topics.rename(own.id, before.id, " ", by="r@x.org")
    assert again.named_by == "" and again.name == again.question


def test_gaps_are_what_was_refused_uncertain_disliked_or_wrong(store: Store) -> None:
    own, retriever = store.assistants.create("own", key="own"), _retriever(store)
    _asked(store, own, RETURNS[0], "refused")
    _asked(store, own, RETURNS[1], "uncertain")
    disliked = _asked(store, own, "Do you sell gift cards?")
    wrong = _asked(store, own, "When does my parcel arrive?")
    right = _asked(store, own, "Tell me a joke", "refused")
    _asked(store, own, "Who are you?")
    store.conversations.give_feedback(disliked.id, "down")
    store.reviews.judge(wrong.id, Verdict("rejected", "fact"), reviewer="x")
    store.reviews.judge(right.id, Verdict("approved"), reviewer="x")
    learn(store, retriever, own)
    found = {g.id: g.question for g in store.topics.all(own.id, GAP)}
    numbers = store.learnt.asked(own.id, GAP, since=0)
    assert next(found[n.id] for n in numbers) == RETURNS[0]
    assert set(found.values()) == {RETURNS[0], disliked.question, wrong.question}
    said = store.learnt.examples(own.id, [numbers[0].id], since=0, limit=5)
    assert [(e.question, e.bad) for e in said] == [
        (RETURNS[1], "uncertain"),
        (RETURNS[0], "refused"),
    ]
    store.conversations.give_feedback(disliked.id, None)
    learn(store, retriever, own)
    assert disliked.question not in {g.question for g in store.topics.all(own.id, GAP)}
    assert store.conversations.list(own.id, Filter(gap=numbers[0].id))


def test_a_gap_is_closed_by_an_approved_answer(store: Store) -> None:
    own, retriever = store.assistants.create("own", key="own"), _retriever(store)
    _asked(store, own, RETURNS[0], "refused")
    learn(store, retriever, own)
    assert [g.closed for g in store.topics.all(own.id, GAP)] == [False]
    CuratedAnswers(store, retriever).add(own, Wording(RETURNS[0], "By post."), author="x")
    learn(store, retriever, own)
    assert [g.closed for g in store.topics.all(own.id, GAP)] == [True]


def test_the_approved_answers_are_read_once_for_all_gaps(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, retriever = sqlite_store.assistants.create("own", key="own"), _retriever(sqlite_store)
    CuratedAnswers(sqlite_store, retriever).add(own, Wording(RETURNS[0], "By post."), author="x")
    for question in ("Where is the harbour?", "Who paints the sails?", "Any ferry on Sunday?"):
        _asked(sqlite_store, own, question, "refused")
    count_turns(sqlite_store, retriever, own)
    read: list[str] = []
    all_of = CuratedStore.all

    def counted(store: CuratedStore, assistant_id: str) -> list[Curated]:
        read.append(assistant_id)
        return all_of(store, assistant_id)

    monkeypatch.setattr(CuratedStore, "all", counted)
    find_gaps(sqlite_store, retriever, own)
    assert len(sqlite_store.topics.all(own.id, GAP)) == 3
    assert read == [own.id]


def test_usage_tells_what_is_cited_never_and_in_what_went_wrong(store: Store) -> None:
    own = store.assistants.create("own", key="own")
    source, page = _page(store, own)
    _, unused = _page(store, own, "https://x.org/b")
    cited = [{"source": source, "page": page}, {"source": source, "page": page}]
    bad = _asked(store, own, "One?", citations=cited)
    _asked(store, own, "Two?", citations=cited)
    store.conversations.give_feedback(bad.id, "down")
    learn(store, _retriever(store), own)
    found = usage(store, own.id, since=0)
    assert next((u.source.id, u.conversations, u.bad) for u in found.sources) == (source, 2, 1)
    assert [(u.page_id, u.conversations, u.bad) for u in found.pages] == [(page, 2, 1)]
    assert found.worst == found.pages
    assert (found.unused, [u.page_id for u in found.never]) == (1, [unused])
    listed = store.conversations.list(own.id, Filter(page=page, bad="judged"))
    assert [one.id for one in listed] == [bad.conversation_id]
    assert len(store.conversations.list(own.id, Filter(source=source))) == 2


def test_the_watch_looks_only_where_something_changed(sqlite_store: Store) -> None:
    own, watch = (
        sqlite_store.assistants.create("own", key="own"),
        Watch(sqlite_store, _retriever(sqlite_store), seconds=0.05),
    )
    for question in RETURNS:
        _asked(sqlite_store, own, question)
    watch.start()
    until = time.monotonic() + 10
    while not sqlite_store.topics.all(own.id, TOPIC) and time.monotonic() < until:
        time.sleep(0.02)
    watch.close()
    [topic] = sqlite_store.topics.all(own.id, TOPIC)
    watch.look()
    assert sqlite_store.topics.all(own.id, TOPIC) == [topic]
