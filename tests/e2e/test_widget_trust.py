"""What an answer says about itself in the widget: labels, next steps, citations that have aged."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.widget_page import Site, ask, expect_answered, listen, open_chat

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("perhaps?", "Not sure about this"),
        ("the moon?", "Not in the sources"),
        ("ask the team", "From the team"),
        ("a person please", "Passed on to a person"),
    ],
)
def test_each_label_is_a_badge_in_plain_words(
    site: Site, page: Page, question: str, words: str
) -> None:
    open_chat(page, site.host())
    ask(page, question)
    expect(page.locator(".badge")).to_have_text(words)


def test_a_supported_answer_says_so_at_its_sources_without_a_badge(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    expect(page.locator(".sources h3")).to_have_text("Found in 2 sources")
    expect(page.locator(".badge")).to_be_hidden()
    expect(page.locator(".next")).to_be_hidden()
    ask(page, "hello")
    expect_answered(page, 2)
    expect(page.locator(".badge").nth(1)).to_be_hidden()


def test_a_refusal_offers_pages_and_a_person_to_ear_and_keyboard_and_after_a_reload(
    site: Site, page: Page
) -> None:
    open_chat(page, site.host())
    heard = listen(page)
    ask(page, "the moon?")
    steps = page.locator(".next")
    expect(steps.locator("h3")).to_have_count(2)
    assert any("Did you mean. When are you open?" in said for said in heard())
    for _ in range(2):
        expect(steps.locator("h3")).to_have_text(["Did you mean", "These pages may help"])
        expect(steps.locator("li")).to_have_count(4)
        links = steps.locator("a")
        assert [link.get_attribute("href") for link in links.all()] == [
            "https://shop.example/help/hours",
            "mailto:help@shop.example",
        ]
        assert links.first.get_attribute("rel") == "noopener noreferrer nofollow"
        expect(links.last).to_have_text("Talk to a person")
        assert links.last.get_attribute("target") is None
        page.reload()
    page.get_by_role("button", name="Good answer").focus()
    page.keyboard.press("Shift+Tab")
    expect(steps.locator("a").last).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(steps.locator("a").first).to_be_focused()


def test_a_question_that_was_meant_is_asked_with_one_click(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "the moon?")
    page.locator(".next").get_by_role("button", name="When are you open?").click()
    expect_answered(page, 2)
    expect(page.locator(".question").nth(1)).to_contain_text("When are you open?")
    expect(page.get_by_role("textbox")).to_be_focused()


def test_a_citation_whose_page_has_changed_says_so_when_the_visitor_comes_back(
    site: Site, page: Page
) -> None:
    open_chat(page, site.host())
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    expect(page.locator(".place.changed")).to_have_count(0)
    site.state.states = {1: "changed", 2: "gone"}
    page.reload()
    expect(page.locator(".place.changed")).to_have_text(
        ["This page has changed since.", "This page is no longer there."]
    )
    page.locator(".mark").first.click()
    expect(page.locator(".sources details").first.locator("blockquote")).to_be_visible()
