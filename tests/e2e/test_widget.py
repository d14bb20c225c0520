"""The widget in a real Chromium, against the scripted server of fake_api.py."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.fake_api import ANSWER, KEY
from tests.e2e.widget_page import PAGE, Site, ask, expect_answered, open_chat, settle

pytestmark = pytest.mark.browser


def test_a_visitor_asks_and_gets_an_answer_with_its_sources(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    expect(page.locator(".question")).to_contain_text("Can I return a bicycle?")
    expect(page.locator(".prose strong")).to_have_text("30 days")
    expect(page.locator(".prose li")).to_have_count(2)
    expect(page.locator(".badge")).to_be_hidden()
    assert page.locator(".mark").all_inner_texts() == ["1", "2"]
    assert "delivery.1" in page.locator(".prose p").first.text_content() or ""
    page.locator(".mark").first.click()
    source = page.locator(".sources details").first
    expect(source.locator("blockquote")).to_contain_text("within 30 days of delivery.")
    link = source.locator("a.open")
    assert link.get_attribute("href") == "https://shop.example/help/returns"
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert link.get_attribute("target") == "_blank"


def test_the_reply_appears_while_it_is_written_and_stop_ends_it(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "slow please")
    expect(page.locator(".caret")).to_be_visible()
    expect(page.locator(".prose")).to_contain_text("You can")
    page.get_by_role("button", name="Stop answering").click()
    expect(page.locator(".notice")).to_have_text("You stopped this answer.")
    assert len(page.locator(".prose").inner_text()) < len(ANSWER)
    assert site.state.turns[0].stopped
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_suggested_questions_are_asked_with_one_click(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    page.get_by_role("button", name="How long does delivery take?").click()
    expect_answered(page)
    assert [turn.question for turn in site.state.turns] == ["How long does delivery take?"]
    expect(page.locator("textarea")).to_be_focused()


def test_labels_are_shown_in_plain_words(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "perhaps?")
    expect(page.locator(".badge").nth(0)).to_have_text("Not sure about this")
    ask(page, "the moon?")
    expect(page.locator(".badge").nth(1)).to_have_text("Not in the sources")


def test_a_verdict_is_saved_and_can_be_taken_back(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "Can I return a bicycle?")
    up = page.get_by_role("button", name="Good answer")
    up.click()
    expect(up).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Thanks for telling us.")).to_be_visible()
    assert site.state.turns[0].feedback == "up"
    up.click()
    expect(up).to_have_attribute("aria-pressed", "false")
    page.wait_for_timeout(200)
    assert site.state.turns[0].feedback is None


def test_the_conversation_and_the_open_panel_survive_a_reload(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "Can I return a bicycle?")
    page.get_by_role("button", name="Bad answer").click()
    expect(page.get_by_text("Thanks for telling us.")).to_be_visible()
    page.reload()
    expect(page.locator(".panel")).to_be_visible()
    expect_answered(page)
    expect(page.locator(".mark")).to_have_count(2)
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.activeElement === document.body")
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".start h2")).to_be_visible()
    page.reload()
    expect(page.locator(".start h2")).to_be_visible()


def test_an_answer_in_the_making_goes_on_after_a_reload(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "slow please")
    expect(page.locator(".prose")).to_contain_text("You can")
    page.reload()
    expect(page.locator(".caret")).to_be_visible()
    expect_answered(page)
    expect(page.locator(".prose strong")).to_have_text("30 days")
    assert site.state.resumed_from == [None]
    assert len(site.state.turns) == 1


def test_a_dropped_stream_is_taken_up_where_it_broke(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "drop it")
    expect_answered(page)
    expect(page.locator(".mark")).to_have_count(2)
    assert site.state.resumed_from == ["4"]
    assert len(site.state.turns) == 1


def test_a_server_that_counts_events_anew_is_asked_from_the_start(site: Site, page: Page) -> None:
    site.state.forgets_ids = True
    open_chat(page, site.host())
    ask(page, "drop it")
    expect_answered(page)
    expect(page.locator(".mark")).to_have_count(2)
    expect(page.locator(".prose strong")).to_have_count(1)
    assert site.state.resumed_from == ["4", None]


def test_a_refused_question_says_why_and_is_repeated_with_its_key(site: Site, page: Page) -> None:
    site.state.refuse_asks = 1
    keys: list[str | None] = []
    page.on("request", lambda sent: keys.append(sent.headers.get("idempotency-key")))
    open_chat(page, site.host())
    ask(page, "Can I return a bicycle?")
    expect(page.locator(".notice")).to_contain_text("Too many questions at once. Wait a minute.")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".mark")).to_have_count(2)
    used = [key for key in keys if key]
    assert len(used) == 2 and len(set(used)) == 1
    expect(page.locator(".question")).to_have_count(1)


def test_an_error_in_the_stream_offers_another_try(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    ask(page, "broken?")
    expect(page.locator(".notice")).to_contain_text("The model is not loaded.")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".question")).to_have_count(1)
    expect(page.locator(".notice")).to_contain_text("The model is not loaded.")
    assert len(site.state.turns) == 2


def test_offline_keeps_the_question(site: Site, page: Page, context: BrowserContext) -> None:
    open_chat(page, site.host())
    context.set_offline(True)
    ask(page, "Can I return a bicycle?")
    expect(page.locator(".notice")).to_contain_text("You are offline.")
    context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".mark")).to_have_count(2)


def test_an_unreachable_server_is_named_and_can_be_tried_again(site: Site, page: Page) -> None:
    page.route("**/config", lambda route: route.abort())
    page.goto(site.host())
    page.locator(".launcher").click()
    expect(page.locator(".start h2")).to_have_text("The assistant cannot be reached")
    page.unroute("**/config")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".start h2")).to_contain_text("Hello!")


def test_everything_is_reached_by_keyboard(site: Site, page: Page) -> None:
    page.goto(site.host())
    page.locator("#before").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".launcher")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("textarea")).to_be_focused()
    page.keyboard.type("Can I return")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("a bicycle?")
    page.keyboard.press("Enter")
    expect_answered(page)
    assert site.state.turns[0].question == "Can I return\na bicycle?"
    names = []
    for _ in range(9):
        page.keyboard.press("Shift+Tab")
        names.append(page.evaluate(FOCUSED))
    assert names[:5] == ["Copy answer", "Bad answer", "Good answer", "summary", "summary"]
    assert names[6:8] == ["Source 2: Payment", "Source 1: Returns and refunds"]
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_be_hidden()
    expect(page.locator(".launcher")).to_be_focused()


FOCUSED = """() => {
  const node = document.querySelector('parlance-chat').shadowRoot.activeElement;
  return node.getAttribute('aria-label') ?? node.localName;
}"""


def test_on_a_phone_the_panel_fills_the_screen(site: Site, browser: Browser) -> None:
    phone = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = phone.new_page()
    open_chat(page, site.host())
    panel = page.locator(".panel")
    settle(page)
    assert panel.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 740}
    expect(panel).to_have_attribute("aria-modal", "true")
    size = page.evaluate(
        "parseFloat(getComputedStyle(document.querySelector('parlance-chat').shadowRoot"
        ".querySelector('textarea')).fontSize)"
    )
    assert size >= 16
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Close chat").last.click()
    expect(panel).to_be_hidden()
    phone.close()


def test_two_tags_and_a_swapped_body_leave_one_chat(site: Site, page: Page) -> None:
    open_chat(page, site.host(tags=2))
    expect(page.locator("parlance-chat")).to_have_count(1)
    ask(page, "slow please")
    page.evaluate("document.body.replaceChildren()")
    expect(page.locator("parlance-chat")).to_have_count(1)
    page.evaluate("document.body = document.createElement('body')")
    expect(page.locator("parlance-chat")).to_have_count(1)
    expect_answered(page)
    page.evaluate("parlance.close()")
    expect(page.locator(".panel")).to_be_hidden()


def test_the_assistants_brand_and_the_tag_decide_the_looks(site: Site, page: Page) -> None:
    site.state.brand = {"color": "#ffd43b", "logo_url": None, "position": "left", "theme": "dark"}
    open_chat(page, site.host())
    launcher = page.locator(".launcher")
    expect(launcher).to_have_css("background-color", "rgb(255, 212, 59)")
    expect(launcher).to_have_css("color", "rgb(16, 18, 24)")
    expect(page.locator(".panel")).to_have_css("background-color", "rgb(23, 25, 30)")
    box = launcher.bounding_box()
    assert box is not None and box["x"] == 20
    page.goto(site.host(more='data-position="right" data-theme="light"'))
    expect(page.locator(".panel")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(page.locator("parlance-chat")).not_to_have_attribute("data-left", "")


def test_an_unknown_assistant_is_named_in_the_console(site: Site, page: Page) -> None:
    notes: list[str] = []
    page.on("console", lambda note: notes.append(note.text))
    page.route("**/config", lambda route: route.fulfill(status=404, json={"error": {}}))
    page.goto(site.host())
    page.locator(".launcher").click()
    expect(page.locator(".start h2")).to_have_text("The assistant is not available here")
    assert any(f'{site.url} has no assistant "{KEY}".' in note for note in notes)


def test_data_open_opens_by_itself_until_it_is_closed(site: Site, page: Page) -> None:
    page.goto(site.host(more="data-open"))
    expect(page.locator(".panel")).to_be_visible()
    page.get_by_role("button", name="Close chat").first.click()
    page.reload()
    page.wait_for_function("customElements.get('parlance-chat') !== undefined")
    expect(page.locator(".panel")).to_be_hidden()


def test_the_page_mode_fills_its_place_and_asks(site: Site, page: Page) -> None:
    body = (
        f'<parlance-chat data-assistant="{KEY}" mode="page"></parlance-chat>'
        f'<script type="module" src="{site.url}/widget/chat.js"></script>'
    )
    site.pages["full"] = (PAGE.format(lang="en", head="", body=body), {})
    page.goto(f"{site.url}/host/full")
    expect(page.locator(".panel")).to_be_visible()
    expect(page.locator(".launcher")).to_have_count(0)
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_be_visible()
