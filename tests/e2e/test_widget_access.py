"""The widget by keyboard, by ear, enlarged and in forced colours; axe over its states."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import ROOT
from tests.e2e.widget_page import Site, ask, expect_answered, listen, open_chat, settle

pytestmark = pytest.mark.browser

AXE = ROOT / "widget" / "node_modules" / "axe-core" / "axe.min.js"
CHECK = "() => axe.run('parlance-chat', { resultTypes: ['violations'] })"
LOOKS = [("light", 1280, "en"), ("dark", 360, "en"), ("light", 768, "ar")]


@pytest.mark.parametrize(("scheme", "width", "language"), LOOKS)
def test_axe_finds_nothing_serious_in_any_state(
    site: Site, browser: Browser, scheme: Any, width: int, language: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(site.host(more=f'lang="{language}"'))
    page.add_script_tag(path=AXE)
    expect(page.locator(".launcher")).to_have_attribute("aria-haspopup", "dialog")
    found = {"closed": serious(page)}
    page.locator(".launcher").click()
    expect(page.locator(".start h2")).to_contain_text("Hello!")
    found["start"] = serious(page)
    ask(page, "slow please")
    expect(page.locator(".caret")).to_be_visible()
    found["writing"] = serious(page)
    expect_answered(page)
    page.locator(".mark").first.click()
    page.locator(".tool.up").click()
    found["answered"] = serious(page)
    for turns, question in enumerate(["perhaps?", "the moon?", "ask the team", "broken?"], start=2):
        ask(page, question)
        expect_answered(page, turns)
        found[question] = serious(page)
    page.locator("textarea").fill("x" * 2001)
    found["too long"] = serious(page)
    context.close()
    assert {state: problems for state, problems in found.items() if problems} == {}


def serious(page: Page) -> list[str]:
    settle(page)
    return [
        f"{item['id']}: {node['target']} {node['failureSummary']}"
        for item in page.evaluate(CHECK)["violations"]
        if item["impact"] in {"serious", "critical"}
        for node in item["nodes"]
    ]


def test_an_answer_is_announced_once_and_not_by_its_tokens(site: Site, page: Page) -> None:
    open_chat(page, site.host())
    listen(page)
    ask(page, "slow please")
    expect_answered(page)
    page.wait_for_function("said.length >= 2")
    writing, answer = page.evaluate("said.slice(0, 2)")
    assert writing == "Writing an answer."
    assert answer.startswith("Answer: You can return a bicycle within 30 days of delivery. Bring")
    assert "and: the bicycle, cleaned everything" in answer
    expect(page.locator(".log")).to_have_attribute("aria-live", "off")
    expect(page.locator(".log")).to_have_attribute("role", "log")
    # Then it goes, so that nobody meets it twice.
    page.wait_for_function("said.at(-1) === ''")
    assert page.evaluate("said.length") == 3


def test_tab_stays_inside_only_where_the_panel_covers_the_page(
    site: Site, browser: Browser
) -> None:
    for width, stays in ((360, True), (1280, False)):
        context = browser.new_context(viewport={"width": width, "height": 740})
        page = context.new_page()
        open_chat(page, site.host())
        left = False
        for _ in range(12):
            page.keyboard.press("Tab")
            left = left or page.evaluate("document.activeElement.localName") != "parlance-chat"
        assert left is not stays
        page.locator("textarea").focus()
        page.keyboard.press("Escape")
        expect(page.locator(".panel")).to_be_hidden()
        expect(page.locator(".launcher")).to_be_focused()
        context.close()


def test_reduced_motion_is_kept_by_styles_and_scripts(site: Site, browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    open_chat(page, site.host())
    page.evaluate(
        "window.asked = []; "
        "Element.prototype.scrollIntoView = (how) => { asked.push(how?.behavior); }"
    )
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    page.locator(".mark").first.click()
    assert "auto" in page.evaluate("asked")
    seconds = page.locator(".panel").evaluate("node => getComputedStyle(node).animationDuration")
    assert float(seconds.rstrip("s")) <= 0.01
    context.close()


@pytest.mark.parametrize(("width", "height"), [(640, 400), (320, 256)])
def test_at_200_and_400_percent_everything_is_there_without_sideways_scrolling(
    site: Site, browser: Browser, width: int, height: int
) -> None:
    """A window of 1280 pixels, enlarged, is one of 640 or 320."""
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    open_chat(page, site.host())
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    settle(page)
    panel = page.locator(".panel").bounding_box()
    assert panel and panel["x"] >= 0 and panel["y"] >= 0
    assert panel["x"] + panel["width"] <= width and panel["y"] + panel["height"] <= height
    page.locator(".prose p").first.scroll_into_view_if_needed()
    for place in (".close", "textarea", ".prose p >> nth=0"):
        expect(page.locator(place)).to_be_in_viewport()
    log = page.locator(".scroller")
    assert log.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert log.evaluate("node => node.clientHeight") >= 80
    context.close()


def test_forced_colours_keep_edges_focus_and_the_chosen_thumb(site: Site, browser: Browser) -> None:
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    open_chat(page, site.host())
    expect(page.locator(".panel")).to_have_css("border-top-style", "solid")
    expect(page.locator(".box")).to_have_css("outline-style", "solid")
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    page.locator(".tool.up").click()
    expect(page.locator(".tool.up")).to_have_css("outline-style", "solid")
    context.close()
