"""What the console says about how far an answer can be trusted: label, gate, citations, steps."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import html

from server.web.console.conversations import LABELS
from server.web.console.wording import signal_figures
from tests.speaking import RETURNS, SITE, Talk
from tests.web.conftest import World


def _shown(world: World, conversation_id: str) -> html.HtmlElement:
    path = f"/console/acme/conversations/{conversation_id}"
    return html.document_fromstring(world.client("viewer").get(path).text)


def test_conversations_are_filtered_by_each_of_the_five_labels(world: World) -> None:
    for label in LABELS:
        world.turn(f"About {label}?", label=label)
    viewer = world.client("viewer")
    whole = html.document_fromstring(viewer.get("/console/acme/conversations").text)
    assert whole.xpath("//select[@name='label']/option/@value") == ["", *LABELS]
    for label in LABELS:
        page = viewer.get(f"/console/acme/conversations?label={label}").text
        found = html.document_fromstring(page).xpath("//span[@class='question']/text()")
        assert found == [f"About {label}?"]


def test_a_citation_whose_page_changed_or_went_says_so(world: World) -> None:
    talk = Talk(world.store, assistant=world.assistant)
    kept, lost = talk.conversation(), talk.conversation()
    talk.ask(conversation=kept)
    talk.says = lambda _: ["Parcels to Norway take four working days."]
    turn = talk.ask("How long do parcels to Norway take?", lost)
    assert not _shown(world, kept.id).xpath("//ol[@class='citations']//*[@class='badge warn']")
    talk.learn(f"{SITE}/returns", "Returns", [RETURNS[0].replace("30", "14"), *RETURNS[1:]])
    world.store.knowledge.remove_source(turn.citations[0]["source"])
    told = "string(//ol[@class='citations']//*[@class='badge warn'])"
    assert _shown(world, kept.id).xpath(told) == "This page has changed since"
    assert _shown(world, lost.id).xpath(told) == "This page is no longer there"
    judged = world.client("reviewer").post(
        f"/console/acme/turns/{turn.id}/review", {"approve": "1"}, headers={"HX-Request": "true"}
    )
    assert "This page is no longer there" in judged.text
    talk.chat.close()


def test_a_refused_turn_shows_what_was_offered_and_how_it_was_decided(world: World) -> None:
    related = [{"title": "Hours", "url": f"{SITE}/hours"}, {"title": "<b>", "url": "javascript:x"}]
    signals = {"gate": 0.1234, "related": related, "contact": "mailto:help@acme.example"}
    turn = world.turn(label="refused", signals=signals, draft="The model's words.")
    page = _shown(world, turn.conversation_id)
    offered = page.xpath("//p[contains(@class, 'offered')]")[0]
    assert offered.xpath(".//a/@href") == [f"{SITE}/hours"]
    assert "<b>" in offered.text_content() and "Talk to a person" in offered.text_content()
    behind = page.xpath("//details[@class='behind']")[0].text_content()
    for words in ("gate", "0.123", "Draft before the check", "The model's words.", "base model"):
        assert words in behind
    assert "mailto" not in behind


def test_behind_an_answer_stand_prompt_timings_and_adapter(world: World) -> None:
    messages = [{"role": "system", "content": "You are Acme Help."}]
    turn = world.turn(messages=messages, adapter="d" * 64, timings={"total": 12.0})
    behind = _shown(world, turn.conversation_id).xpath("//details[@class='behind']")[0]
    text = behind.text_content()
    for words in ("You are Acme Help.", "12 ms", "d" * 12, "Prompt version"):
        assert words in text
    assert "How it was decided" not in text


@pytest.mark.parametrize(
    ("signals", "shown"),
    [
        ({}, []),
        ({"gate": 0.5}, [("gate", "0.500")]),
        ({"unknown_marks": 2}, [("unknown marks", "2")]),
        ({"gate": {"dense": 0.25, "no": True}}, [("gate: dense", "0.250"), ("gate: no", "yes")]),
        ({"related": [{"title": "x"}], "contact": "tel:1"}, []),
        ({"rule": "no evidence", "none": None}, [("rule", "no evidence")]),
    ],
)
def test_signals_become_names_and_figures(
    signals: dict[str, Any], shown: list[tuple[str, str]]
) -> None:
    assert signal_figures(signals) == shown
