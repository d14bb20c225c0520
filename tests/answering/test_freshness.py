"""What became of a cited page: current, changed or gone, worked out when a turn is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from server.answering.freshness import as_they_stand, stands, with_states
from server.chat import Event
from server.store import Store
from server.store.knowledge import CitedPage
from tests.speaking import RETURNS, SITE, Talk

FIRST, SECOND = RETURNS[0], RETURNS[1]


@pytest.fixture
def talk(store: Store) -> Iterator[Talk]:
    opened = Talk(store)
    yield opened
    opened.chat.close()


def _cited(**changed: Any) -> dict[str, Any]:
    whole = {"n": 1, "page": "pag_1", "version": 1, "url": f"{SITE}/returns#x", "quote": FIRST}
    return whole | changed


@pytest.mark.parametrize(
    ("quote", "texts", "expected"),
    [
        (FIRST, [FIRST], True),
        (FIRST, ["Before. Orders can be\nreturned within 30  days of delivery. After."], True),
        (f"{FIRST} … {SECOND}", [SECOND, FIRST], True),
        (f"{FIRST} … {SECOND}", [FIRST], False),
        ("It runs on: - Linux - BSD", ["It runs on:\n- Linux", "- BSD"], True),
        (FIRST, [FIRST.replace("30", "14")], False),
        (FIRST, [FIRST.lower()], False),
        ("It costs 12", ["It costs 120"], False),
        ("It costs 12", ["It costs 12.50"], False),
        ("It costs 12", ["It costs 12. Not more."], True),
        ("It takes 3.", ["It takes 3.5 days."], False),
        ("cover (a+b)", ["We cover (a+b) too"], True),
        (FIRST, [], False),
    ],
)
def test_a_quote_stands_if_every_sentence_of_it_is_there_word_for_word(
    quote: str, texts: list[str], expected: bool
) -> None:
    assert stands(quote, texts) is expected


@pytest.mark.parametrize(
    ("citation", "page", "state"),
    [
        (_cited(), CitedPage("pag_1", f"{SITE}/returns", 1, ("Nothing of it.",)), None),
        (_cited(), CitedPage("pag_1", f"{SITE}/returns", 2, (FIRST,)), None),
        (_cited(), CitedPage("pag_1", f"{SITE}/returns", 2, ("Other words.",)), "changed"),
        (_cited(), None, "gone"),
        (_cited(), CitedPage("pag_9", f"{SITE}/returns", 1, (FIRST,)), None),
        (_cited(), CitedPage("pag_9", f"{SITE}/returns", 1, ("Other words.",)), "changed"),
        (_cited(url=None), CitedPage("pag_9", "", 1, (FIRST,)), "gone"),
        (_cited(page=None), None, None),
        ({"n": 1, "title": "A curated answer's link"}, None, None),
    ],
)
def test_the_state_of_a_citation_follows_from_the_page_as_it_is(
    citation: dict[str, Any], page: CitedPage | None, state: str | None
) -> None:
    told = with_states([citation], [page] if page else [])
    assert told == [citation | ({"state": state} if state else {})]


def test_one_query_tells_the_states_of_a_whole_conversation(talk: Talk) -> None:
    conversation = talk.conversation()
    talk.says = lambda _: [FIRST]
    talk.ask("Can orders be returned?", conversation)
    talk.says = lambda _: ["Parcels to Norway take four working days."]
    talk.ask("How long do parcels to Norway take?", conversation)
    talk.learn(f"{SITE}/shipping", "Shipping", ["Parcels to Norway take nine working days."])
    turns = talk.store.conversations.turns(conversation.id)
    asked: list[str] = []
    engine = talk.store.database.engine
    event.listen(engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    told = as_they_stand(talk.store.knowledge, turns)
    assert len([sql for sql in asked if "SELECT" in sql]) == 1
    assert [c.get("state") for turn in told for c in turn.citations] == [None, "changed"]
    assert turns[1].citations[0].get("state") is None  # the log keeps what was


def test_a_page_cited_in_two_versions_is_read_for_the_older_one(talk: Talk) -> None:
    conversation = talk.conversation()
    talk.says = lambda _: [FIRST]
    talk.ask("Can orders be returned?", conversation)
    newer = FIRST.replace("30", "14")
    talk.learn(f"{SITE}/returns", "Returns", [newer])
    talk.says = lambda _: [newer]
    talk.ask("Can orders be returned?", conversation)
    told = as_they_stand(talk.store.knowledge, talk.store.conversations.turns(conversation.id))
    assert [t.citations[0].get("state") for t in told] == ["changed", None]


def test_a_source_that_was_removed_and_read_again_is_found_by_its_address(talk: Talk) -> None:
    turn = talk.ask()
    source = talk.store.knowledge.source(turn.citations[0]["source"])
    talk.store.knowledge.remove_source(source.id)
    assert as_they_stand(talk.store.knowledge, [turn])[0].citations[0]["state"] == "gone"
    talk.learn(f"{SITE}/returns", "Returns", RETURNS)
    assert "state" not in as_they_stand(talk.store.knowledge, [turn])[0].citations[0]


def test_a_turn_told_again_after_a_restart_says_what_became_of_its_pages(talk: Talk) -> None:
    turn = talk.ask()
    talk.learn(f"{SITE}/returns", "Returns", ["All sales are final."])
    restarted = type(talk.chat)(talk.store, talk.retriever, talk.voices)
    events: list[Event] = [e for e in restarted.follow(turn).follow() if e is not None]
    assert events[-1].data["citations"][0]["state"] == "changed"
    restarted.close()
