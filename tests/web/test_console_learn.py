"""The Learn page: numbers that lead to their conversations, names, gaps with a form, roles."""

from __future__ import annotations

import re

import pytest

from server.answering.curated import CuratedAnswers
from server.learn.refresh import learn
from server.learn.rows import trend
from server.store.curated import Wording
from server.store.topics import GAP, TOPIC
from tests.web.conftest import World

HOME = "/console/acme/learn"
RETURNS = ("How do I return shoes?", "return shoes", "returning the shoes")


def _learn(world: World) -> None:
    learn(world.store, world.services.retriever, world.assistant)


def test_an_empty_page_says_what_to_do_next(world: World) -> None:
    viewer = world.client("viewer")
    assert "Look at a longer period" in viewer.get(HOME).text
    assert "Paste the tag into a page first" in viewer.get(f"{HOME}?days=0").text


def test_numbers_lead_to_the_conversations_that_they_count(world: World) -> None:
    for question in RETURNS:
        world.turn(question)
    world.turn("Do you sell gift cards?", label="refused")
    _learn(world)
    viewer = world.client("viewer")
    page = viewer.get(HOME).text
    [topic] = world.store.topics.all(world.assistant.id, TOPIC)
    [link] = re.findall(rf'href="([^"]+topic={topic.id}[^"]*)"', page)
    listed = viewer.get(link.replace("&amp;", "&")).text
    assert listed.count('<a class="talk"') == 3
    assert "about “How do I return shoes?”, of the last 30 days" in listed
    assert f'name="topic" value="{topic.id}"' in listed
    refused = viewer.get("/console/acme/conversations?bad=any&days=30").text
    assert refused.count('<a class="talk"') == 1


def test_a_gap_opens_the_form_of_curated_answers_with_its_question(world: World) -> None:
    world.turn(RETURNS[0], label="refused")
    _learn(world)
    reviewer = world.client("reviewer")
    page = reviewer.get(HOME).text
    [link] = re.findall(r'href="(/console/acme/curated\?question=[^"#]+)', page)
    form = reviewer.get(link.replace("&amp;", "&")).text
    assert 'name="question" value="How do I return shoes?"' in form
    assert '<details class="panel fold" open>' in form
    assert "curated?question" not in world.client("viewer").get(HOME).text
    answers = CuratedAnswers(world.store, world.services.retriever)
    answers.add(world.assistant, Wording(RETURNS[0], "By post."), author="x")
    page = reviewer.get(HOME).text
    assert "answered by now" in page and "curated?question" not in page


def test_a_reviewer_names_a_topic(world: World) -> None:
    for question in RETURNS:
        world.turn(question)
    _learn(world)
    [topic] = world.store.topics.all(world.assistant.id, TOPIC)
    reviewer = world.client("reviewer")
    answer = reviewer.post(f"{HOME}/{topic.id}/name?days=7", {"name": "  Returns  & refunds "})
    assert answer.headers["Location"].endswith("learn?done=topic-named&days=7")
    assert "Returns &amp; refunds" in reviewer.get(HOME).text
    assert world.store.audit.newest()[0].action == "topic.name"
    assert reviewer.post(f"{HOME}/{topic.id}/name", {"name": "x" * 121}).status_code == 400
    assert reviewer.post(f"{HOME}/top_gone/name", {"name": "x"}).status_code == 404


def test_what_visitors_and_pages_say_is_never_markup(world: World) -> None:
    evil = "<script>alert(1)</script> how do I return shoes?"
    for _ in range(2):
        world.turn(evil, label="refused")
    source = world.store.knowledge.add_source(world.assistant.id, "website", "https://x.org", {})
    world.store.knowledge.put_page(
        source, url="javascript:alert(1)", title="<b>T", hash="h", round=1, new_passages=[]
    )
    _learn(world)
    page = world.client("owner").get(HOME).text
    assert "<script>alert" not in page and "<b>T" not in page
    assert 'href="javascript' not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2


def test_source_usage_leads_to_what_was_disliked(world: World) -> None:
    store, own = world.store, world.assistant
    source = store.knowledge.add_source(own.id, "website", "https://x.org", {})
    store.knowledge.put_page(
        source, url="https://x.org/a", title="Returns", hash="h", round=1, new_passages=[]
    )
    page_id = store.knowledge.pages(source.id)[0].id
    cited = [{"source": source.id, "page": page_id, "title": "Returns", "quote": "So."}]
    turn = world.turn(citations=cited)
    store.conversations.give_feedback(turn.id, "down")
    _learn(world)
    viewer = world.client("viewer")
    page = viewer.get(HOME).text
    assert "Pages cited in answers that were disliked or found wrong" in page
    listed = viewer.get(f"/console/acme/conversations?bad=judged&page={page_id}").text
    assert listed.count('<a class="talk"') == 1 and "that cite this page" in listed


@pytest.mark.parametrize("filter", ["topic", "gap"])
def test_a_topic_that_is_gone_is_told_as_such(world: World, filter: str) -> None:
    answer = world.client("viewer").get(f"/console/acme/conversations?{filter}=top_x")
    assert answer.status_code == 404 and "no such topic any more" in answer.text


def test_gaps_that_are_answered_come_last(world: World) -> None:
    for _ in range(3):
        world.turn(RETURNS[0], label="refused")
    world.turn("Do you sell gift cards?", label="refused")
    _learn(world)
    answers = CuratedAnswers(world.store, world.services.retriever)
    answers.add(world.assistant, Wording(RETURNS[0], "By post."), author="x")
    page = world.client("viewer").get(HOME).text
    assert len(world.store.topics.all(world.assistant.id, GAP)) == 2
    assert page.index("<h3>Do you sell gift cards?") < page.index("<h3>How do I return shoes?")


@pytest.mark.parametrize(
    ("by_day", "first", "last", "line"),
    [
        ({}, 0, 9, "0.0,22.0 100.0,22.0"),
        ({9: 4}, 9, 9, "0.0,2.0 100.0,2.0"),
        ({1: 1, 2: 2}, 1, 2, "0.0,12.0 100.0,2.0"),
        ({5: 3}, 0, 6, "0.0,2.0 100.0,22.0"),
    ],
)
def test_a_trend_is_a_line_in_its_box(
    by_day: dict[int, int], first: int, last: int, line: str
) -> None:
    assert trend(by_day, first=first, last=last) == line
