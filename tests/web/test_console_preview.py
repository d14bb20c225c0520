"""Trying settings before they are saved: a real answer, nothing written, wrong fields named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from lxml import html
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from server.errors import Invalid
from server.llm.chat_model import EngineChatModel
from server.llm.voice import FixedVoices
from server.store.tables import conversations, turns
from server.web.console import preview
from tests.speaking import QUESTION, RETURNS, Talk
from tests.web.conftest import World

PREVIEW = "/console/acme/settings/preview"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def talk(world: World) -> Iterator[Talk]:
    """The World's assistant, able to answer; it says what its tone is when the tone is asked."""
    opened = Talk(world.store, assistant=world.assistant)
    services = replace(world.services, retriever=opened.retriever, voices=opened.voices)
    world.app.extensions["parlance"] = services
    yield opened
    opened.chat.close()


def _form(world: World, **changed: Any) -> dict[str, Any]:
    """The whole form as the owner's browser sends it."""
    page = html.document_fromstring(world.client("owner").get("/console/acme/settings").text)
    fields = dict(page.get_element_by_id("settings").form_values())
    return fields | {"question": QUESTION} | changed


def _tried(world: World, **changed: Any) -> TestResponse:
    form = _form(world, **changed)
    form.pop("csrf_token")  # of another session
    return world.client("owner").post(PREVIEW, form, headers=HTMX)


def test_a_question_is_answered_as_typed_beside_as_saved(world: World, talk: Talk) -> None:
    shown = _tried(world, refusal="Not our business.", question="Who composed the penguin opera?")
    page = html.fragment_fromstring(shown.text, create_parent=True)
    assert page.xpath("//article/@aria-label") == ["As typed", "As saved"]
    replies = page.xpath("//article/p[@class='text']/text()")
    assert replies == ["Not our business.", world.assistant.settings.refusal]
    assert page.xpath("//h3/span/text()") == ["refused", "refused"]
    assert talk.model.asked == []


def test_what_is_typed_reaches_the_prompt_and_is_shown_as_it_is_sent(
    world: World, talk: Talk
) -> None:
    shown = _tried(world, tone="Like a pirate.", guidelines="Use metres.", guardrails="swear")
    sent = [messages[0].content for messages in talk.model.asked]
    assert len(sent) == 2
    for words in ("Tone: Like a pirate.", "Use metres.", "swear"):
        assert words in sent[0] and words not in sent[1]
    page = html.fragment_fromstring(shown.text, create_parent=True)
    assert page.xpath("//pre/text()") == sent
    assert "Both give the same reply" in shown.text
    assert page.xpath("//article[1]//ol[@class='citations']/li/a/text()")


def test_settings_that_do_not_decide_a_reply_are_not_asked_twice(world: World, talk: Talk) -> None:
    shown = _tried(world, color="#112233", origins="https://a.example")
    page = html.fragment_fromstring(shown.text, create_parent=True)
    assert page.xpath("//article/@aria-label") == ["As saved"]
    assert len(talk.model.asked) == 1


def test_a_preview_writes_nothing(world: World, talk: Talk) -> None:
    before = world.store.assistants.by_key("acme")
    assert _tried(world, tone="Dry.").status_code == 200
    with world.store.database.read() as connection:
        for table in (conversations, turns):
            assert connection.scalar(select(func.count()).select_from(table)) == 0
    assert world.store.assistants.by_key("acme") == before
    assert world.store.audit.newest() == []


def test_wrong_fields_are_told_at_their_fields_and_nothing_is_asked(
    world: World, talk: Talk
) -> None:
    shown = _tried(world, color="red", contact="javascript:x", tone="x" * 501)
    assert shown.status_code == 400 and talk.model.asked == []
    page = html.fragment_fromstring(shown.text, create_parent=True)
    told = {p.get("id"): p.text for p in page.xpath("//p[@class='wrong'][@hx-swap-oob]")}
    assert {id for id, text in told.items() if text} == {"e-color", "e-contact", "e-tone"}
    assert "e-mail address" in str(told["e-contact"])
    assert set(page.xpath("//li/a/@href")) == {"#f-color", "#f-contact", "#f-tone"}
    settings = html.document_fromstring(world.client("owner").get("/console/acme/settings").text)
    assert set(told) <= set(settings.xpath("//*[@class='wrong']/@id"))


@pytest.mark.parametrize("question", ["", "  \n", "\x00", "x" * 2001])
def test_a_question_that_is_none_is_named(world: World, talk: Talk, question: str) -> None:
    shown = _tried(world, question=question)
    assert shown.status_code == 400 and 'href="#f-question"' in shown.text
    assert talk.model.asked == []


def test_a_reviewer_tries_what_is_saved_and_a_viewer_may_not(world: World, talk: Talk) -> None:
    shown = world.client("reviewer").post(PREVIEW, {"question": QUESTION}, headers=HTMX)
    assert RETURNS[0] in shown.text and "As saved" in shown.text
    assert "Try it" in world.client("reviewer").get("/console/acme/settings").text
    assert "Try it" not in world.client("viewer").get("/console/acme/settings").text
    refused = world.client("viewer").post(PREVIEW, {"question": QUESTION}, headers=HTMX)
    assert refused.status_code == 403


def test_a09_a_preview_needs_the_csrf_token(world: World, talk: Talk) -> None:
    answer = world.client("owner").http.post(PREVIEW, data={"question": QUESTION})
    assert answer.status_code == 403 and talk.model.asked == []


def test_without_script_the_whole_page_comes_back_with_the_answer(world: World, talk: Talk) -> None:
    shown = world.client("owner").post(PREVIEW, {"question": QUESTION})
    page = html.document_fromstring(shown.text)
    assert page.xpath("//form[@id='settings']") and page.xpath("//div[@id='tried']//article")
    assert page.get_element_by_id("f-question").value == QUESTION
    assert page.get_element_by_id("f-tone").text.strip() == world.assistant.settings.tone
    assert page.get_element_by_id("settings").action == "/console/acme/settings"


def test_too_many_previews_have_to_wait(world: World, talk: Talk) -> None:
    talk.says = lambda _: [RETURNS[0]]
    owner = world.client("owner")
    form = {"question": QUESTION, "csrf_token": owner.token()}
    codes = [owner.http.post(PREVIEW, data=form, headers=HTMX).status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]
    assert world.client("reviewer").post(PREVIEW, {"question": QUESTION}).status_code == 200


def test_an_answer_that_fails_is_told_in_its_place(world: World, talk: Talk) -> None:
    def too_long(_: object) -> Iterator[str]:
        yield "Orders "
        raise Invalid("the prompt has 9000 tokens, the model holds 8192.", hint="Shorten it.")

    talk.says = too_long
    shown = _tried(world)
    assert shown.status_code == 200
    assert "the model holds 8192. Shorten it." in html.fromstring(shown.text).text_content()


@pytest.mark.parametrize(("room", "warned"), [(1000, False), (100, True)])
def test_a_prompt_that_crowds_the_model_is_warned_of(
    world: World, talk: Talk, room: int, warned: bool
) -> None:
    """An engine that counts words as tokens and holds `room` of them."""
    chat_format = SimpleNamespace(context_length=room)
    engine = SimpleNamespace(
        count_tokens=lambda text: len(text.split()), tokenizer=SimpleNamespace(format=chat_format)
    )

    class Counting(EngineChatModel):
        engine: Any = None

        def _stream(self, *args: Any, **kwargs: Any) -> Any:
            return talk.model._stream(*args, **kwargs)

    voices = FixedVoices(Counting(engine=engine))
    services = world.app.extensions["parlance"]
    world.app.extensions["parlance"] = replace(services, voices=cast(Any, voices))
    shown = _tried(world, guidelines="\n".join(f"Keep rule {n} in mind." for n in range(15)))
    text = " ".join(html.fromstring(shown.text).text_content().split())
    assert f"of the {room:,} that the model can hold".replace(",", "") in text.replace(",", "")
    assert ("Shorten the lists" in text) is warned


def test_the_share_of_the_context_is_what_warns() -> None:
    assert not preview.Prompt("x", 33, 100).is_crowded
    assert preview.Prompt("x", 34, 100).is_crowded
    assert not preview.Prompt("x").is_crowded
