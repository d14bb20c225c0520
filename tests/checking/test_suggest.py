"""What is suggested for the list, and what a visitor's turn becomes on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from server.checking.suggest import check_from_turn, suggestions
from server.errors import Invalid
from server.store import Store
from tests.checking.conftest import Desk
from tests.speaking import QUESTION, SITE, Talk


@pytest.fixture
def talk(desk: Desk) -> Iterator[Talk]:
    yield desk.talk


def _told(store: Store, assistant_id: str) -> list[tuple[str, str, dict[str, str] | None]]:
    return [
        (one.origin, one.check.question, one.check.expect)
        for one in suggestions(store, assistant_id)
    ]


def test_headings_that_are_questions_come_with_their_page(desk: Desk, talk: Talk) -> None:
    talk.learn(f"{SITE}/pay", "3.1 Can I pay by card?", ["You can pay by card in every shop."])
    talk.learn(f"{SITE}/a", "What is on this page?", ["Here stands one thing about the page."])
    talk.learn(f"{SITE}/b", "What is on this page?", ["Here stands another about the page."])
    talk.learn(f"{SITE}/why", "Why?", ["Because the words of it are too few to ask."])
    assert _told(desk.store, talk.assistant.id) == [
        ("heading", "Can I pay by card?", {"url": f"{SITE}/pay"})
    ]
    desk.expect("can I PAY by card?", None)
    assert _told(desk.store, talk.assistant.id) == []


def test_what_visitors_asked_comes_as_it_went_newest_first(desk: Desk, talk: Talk) -> None:
    for question in ("Hello", QUESTION, "Who wrote the opera Tosca?", QUESTION.upper()):
        talk.ask(question)
    assert _told(desk.store, talk.assistant.id) == [
        ("visitor", QUESTION.upper(), {"url": f"{SITE}/returns"}),
        ("visitor", "Who wrote the opera Tosca?", None),
    ]


def test_only_a_few_of_each_kind_are_suggested(desk: Desk, talk: Talk) -> None:
    for n in range(9):
        talk.learn(f"{SITE}/{n}", f"How is wheel {n} repaired?", [f"Wheel {n} is repaired so."])
        talk.ask(f"Who wrote opera number {n}?")
    origins = [origin for origin, _, _ in _told(desk.store, talk.assistant.id)]
    assert origins == ["heading"] * 5 + ["visitor"] * 5


def test_a_turn_without_a_link_expects_its_document_or_its_words(desk: Desk, talk: Talk) -> None:
    talk.learn("file:Handbook.pdf", "Anvils", ["An anvil weighs forty kilos and is of iron."])
    talk.says = lambda _: ["An anvil weighs forty kilos and is of iron."]
    turn = talk.ask("What does an anvil weigh?")
    assert turn.citations[0]["url"] is None
    made = check_from_turn(desk.store, turn)
    assert made.expect == {"url": "file:Handbook.pdf"} and made.turn_id == turn.id
    desk.expect("What does an anvil weigh?", made.expect)
    assert desk.run().passed == 1
    words = check_from_turn(desk.store, replace(turn, citations=[])).expect
    assert words == {"phrase": "An anvil weighs forty kilos and is of iron."}


def test_a_follow_up_comes_as_what_it_meant(desk: Desk, talk: Talk) -> None:
    conversation = talk.conversation()
    talk.ask("Can opened software be returned?", conversation)
    turn = talk.ask("What about orders?", conversation)
    assert turn.signals["kind"] == "follow_up"
    assert check_from_turn(desk.store, turn).question == turn.signals["asked"] != turn.question
    assert "What about orders?" not in [q for _, q, _ in _told(desk.store, talk.assistant.id)]


@pytest.mark.parametrize("question", ["Hello", "Who are you?", "Shorter, please."])
def test_what_asks_nothing_by_itself_is_refused(desk: Desk, talk: Talk, question: str) -> None:
    conversation = talk.conversation()
    talk.ask(QUESTION, conversation)
    turn = talk.ask(question, conversation)
    with pytest.raises(Invalid, match="conversation before it") as caught:
        check_from_turn(desk.store, turn)
    assert caught.value.hint
    assert [q for _, q, _ in _told(desk.store, talk.assistant.id)] == [QUESTION]
