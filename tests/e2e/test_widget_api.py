"""window.parlance: its calls, its events, and what it says when something is set up wrongly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.fake_api import KEY
from tests.e2e.test_widget_languages import codes, told
from tests.e2e.widget_page import LOADER, PAGE, Site, ask, expect_answered, open_chat

pytestmark = pytest.mark.browser

EVENTS = ["ready", "open", "close", "message", "answer", "citation", "feedback", "error"]
LISTEN = (
    "<script>window.heard = []; (window.parlance ||= []).push((parlance) => {"
    f"for (const name of {json.dumps(EVENTS)})"
    "parlance.on(name, (detail) => heard.push([name, detail])); });</script>"
)


def test_every_event_is_told_with_what_it_is_about(site: Site, page: Page) -> None:
    open_chat(page, site.host(head=LISTEN))
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    page.get_by_role("button", name="Good answer").click()
    expect(page.get_by_text("Thanks for telling us.")).to_be_visible()
    page.locator(".mark").first.click()
    ask(page, "broken?")
    expect(page.locator(".notice").last).to_be_visible()
    page.keyboard.press("Escape")
    page.wait_for_function("heard.at(-1)[0] === 'close'")
    heard = page.evaluate("heard")
    names = [name for name, _ in heard]
    assert names == [
        *("ready", "open", "message", "answer", "feedback", "citation"),
        *("message", "error", "close"),
    ]
    details: dict[str, Any] = dict(reversed(heard))
    assert {detail["assistant"] for _, detail in heard} == {KEY}
    assert details["ready"]["name"] == "Wheelwright"
    assert details["message"]["question"] == "Can I return a bicycle?"
    answer = details["answer"]
    assert (answer["turn"], answer["label"], answer["status"]) == ("trn_1", "supported", "complete")
    assert "**30 days**" in answer["reply"] and [c["n"] for c in answer["citations"]] == [1, 2]
    assert details["citation"]["url"] == "https://shop.example/help/returns"
    assert (details["feedback"]["turn"], details["feedback"]["value"]) == ("trn_1", "up")
    assert details["error"]["code"] == "unavailable"


def test_calls_made_before_the_tag_is_read_wait_for_it(site: Site, page: Page) -> None:
    early = (
        "<script>(window.parlance ||= []).push(async (parlance) => {"
        "parlance.open(); window.taken = await parlance.send('Can I return a bicycle?');"
        "});</script>"
    )
    page.goto(site.host(head=early))
    expect(page.locator(".panel")).to_be_visible()
    expect_answered(page)
    assert page.evaluate("taken") is True
    assert page.evaluate("parlance.send(' ')") is False
    heard = "parlance.on('ready', () => { window.late = true; })"
    page.evaluate(heard)
    assert page.evaluate("late")


def test_open_close_toggle_and_reset_do_what_they_say(site: Site, page: Page) -> None:
    page.goto(site.host())
    panel = page.locator(".panel")
    page.evaluate("parlance.open()")
    expect(panel).to_be_visible()
    page.evaluate("parlance.close()")
    expect(panel).to_be_hidden()
    page.evaluate("parlance.toggle()")
    expect(panel).to_be_visible()
    page.evaluate("parlance.send('Can I return a bicycle?')")
    expect_answered(page)
    page.evaluate("parlance.reset()")
    expect(page.locator(".question")).to_have_count(0)


def test_a_question_in_the_middle_of_an_answer_is_refused_and_said_so(
    site: Site, page: Page
) -> None:
    open_chat(page, site.host())
    assert page.evaluate("parlance.send('slow please')") is True
    assert page.evaluate("parlance.send('another')") is False
    expect(page.locator(".question")).to_have_count(1)


def test_context_locale_and_strings_are_set_by_script(site: Site, page: Page) -> None:
    notes = told(page)
    bodies: list[Any] = []
    page.on(
        "request",
        lambda sent: bodies.append(sent.post_data) if sent.url.endswith("conversations") else None,
    )
    page.goto(site.host())
    page.evaluate("parlance.setContext({ page: 'https://shop.example/bicycle/7' })")
    page.evaluate("parlance.setLocale('fr')")
    page.evaluate("parlance.setStrings({ privacy: 'Vie privée' })")
    page.evaluate("parlance.open()")
    expect(page.locator("textarea")).to_have_attribute("aria-label", "Votre question")
    expect(page.locator(".small-print a")).to_have_text("Vie privée")
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    assert json.loads(bodies[0]) == {"page_url": "https://shop.example/bicycle/7"}
    assert notes == []
    page.evaluate("parlance.setContext({ plan: 'gold' })")
    assert codes(notes) == ["unknown-context"]


def test_explicit_init_puts_a_chat_on_the_page_once(site: Site, page: Page) -> None:
    notes = told(page)
    site.pages["bare"] = (
        PAGE.format(
            lang="en",
            head="",
            body=f'<script src="{site.url}/widget.js" data-manual></script>',
        ),
        {},
    )
    page.goto(f"{site.url}/host/bare")
    expect(page.locator("parlance-chat")).to_have_count(0)
    options = {"assistant": KEY, "position": "left", "lang": "sv", "strings": {"send": "Iväg"}}
    same = "(options) => parlance.init(options) === parlance.init(options)"
    assert page.evaluate(same, options)
    page.locator(".launcher").click()
    expect(page.locator("textarea")).to_have_attribute("aria-label", "Din fråga")
    expect(page.locator(".send").first).to_have_attribute("aria-label", "Iväg")
    expect(page.locator("parlance-chat")).to_have_count(1)
    assert notes == []


def test_two_assistants_stand_beside_each_other_and_are_called_by_key(
    site: Site, page: Page
) -> None:
    tags = "".join(LOADER.format(url=site.url, key=key, more="") for key in (KEY, "ast_other"))
    site.pages["two"] = (PAGE.format(lang="en", head="", body=tags), {})
    page.route("**/ast_other/**", lambda route: route.continue_(url=other(route.request.url)))
    page.goto(f"{site.url}/host/two")
    expect(page.locator("parlance-chat")).to_have_count(2)
    page.wait_for_function("!!customElements.get('parlance-chat')")
    page.evaluate("parlance.get('ast_other').open()")
    expect(page.locator("parlance-chat[data-assistant=ast_other] .panel")).to_be_visible()
    expect(page.locator(f"parlance-chat[data-assistant={KEY}] .panel")).to_be_hidden()
    boxes = [launcher.bounding_box() for launcher in page.locator(".launcher").all()]
    assert sorted(box["x"] for box in boxes if box) == [1280 - 20 - 56 - 72, 1280 - 20 - 56]
    page.evaluate("parlance.get('ast_other').destroy()")
    expect(page.locator("parlance-chat")).to_have_count(1)


def other(url: str) -> str:
    return url.replace("ast_other", KEY)


# Counts what a page holds beyond its nodes, from before the tag is read.
COUNTING = """<script>
  window.held = { listeners: new Set(), timers: new Set() };
  const listeners = [window, document, document.documentElement, visualViewport];
  const add = EventTarget.prototype.addEventListener;
  const remove = EventTarget.prototype.removeEventListener;
  const media = MediaQueryList.prototype;
  const id = (type, listener) => type + String(listener);
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    if (listeners.includes(this) || this instanceof MediaQueryList) {
      const one = { type };
      held.listeners.add(one);
      (held.of ??= new Map()).set(listener, one);
      const signal = options && options.signal;
      if (signal) add.call(signal, "abort", () => held.listeners.delete(one));
    }
    return add.call(this, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    held.listeners.delete(held.of?.get(listener));
    return remove.call(this, type, listener, options);
  };
  const set = window.setTimeout, clear = window.clearTimeout;
  window.setTimeout = (call, ms, ...rest) => {
    const timer = set(() => { held.timers.delete(timer); call(...rest); }, ms);
    held.timers.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => { held.timers.delete(timer); clear(timer); };
</script>"""


def test_destroy_leaves_no_node_listener_or_timer(site: Site, page: Page) -> None:
    open_chat(page, site.host(head=COUNTING))
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    page.get_by_role("button", name="Good answer").click()
    ask(page, "slow please")
    expect(page.locator(".caret")).to_be_visible()
    held = page.evaluate("[held.listeners.size, held.timers.size]")
    assert held[0] > 0 and held[1] > 0
    page.evaluate("parlance.destroy()")
    page.wait_for_timeout(100)
    assert page.evaluate("[held.listeners.size, held.timers.size]") == [0, 0]
    expect(page.locator("parlance-chat")).to_have_count(0)
    # The page's next body stays empty as well, and the same assistant can come back.
    page.evaluate("document.body = document.createElement('body')")
    page.wait_for_timeout(100)
    expect(page.locator("parlance-chat")).to_have_count(0)
    page.evaluate(f"parlance.init({{ assistant: '{KEY}' }})")
    expect(page.locator("parlance-chat")).to_have_count(1)


def test_a_swapped_page_that_runs_its_tag_again_keeps_the_one_chat(site: Site, page: Page) -> None:
    notes = told(page)
    open_chat(page, site.host())
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    page.evaluate(
        """() => {
          const body = document.body.cloneNode(true);  // as Turbo keeps a page
          const tag = document.createElement('script');
          const old = body.querySelector('script');
          for (const { name, value } of old.attributes) tag.setAttribute(name, value);
          old.replaceWith(tag);
          document.body = body;
        }"""
    )
    expect(page.locator("parlance-chat")).to_have_count(1)
    expect(page.locator(".question")).to_have_count(1)
    page.wait_for_timeout(300)
    expect(page.locator("parlance-chat")).to_have_count(1)
    assert notes == []


def test_a_page_from_the_back_forward_cache_shows_what_was_said_elsewhere(
    site: Site, page: Page
) -> None:
    open_chat(page, site.host())
    ask(page, "Can I return a bicycle?")
    expect_answered(page)
    elsewhere = page.context.new_page()
    elsewhere.goto(site.host())
    elsewhere.locator(".launcher").click()
    ask(elsewhere, "How long does delivery take?")
    expect_answered(elsewhere, 2)
    back = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
    page.evaluate(back)
    expect(page.locator(".question")).to_have_count(2)
    elsewhere.close()


def test_two_tags_for_one_assistant_are_told(site: Site, page: Page) -> None:
    notes = told(page)
    open_chat(page, site.host(tags=2))
    expect(page.locator("parlance-chat")).to_have_count(1)
    assert set(codes(notes)) == {"duplicate-tag"}


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ('<script src="{url}/widget.js"></script>', "no-assistant"),
        ('<script src="{url}/widget.js" data-assistant="ast_no"></script>', "unknown-assistant"),
    ],
)
def test_a_tag_that_cannot_work_says_why(site: Site, page: Page, tag: str, code: str) -> None:
    notes = told(page)
    site.pages["wrong"] = (PAGE.format(lang="en", head="", body=tag.format(url=site.url)), {})
    with page.expect_console_message(lambda note: f"[{code}]" in note.text):
        page.goto(f"{site.url}/host/wrong")
    page.wait_for_timeout(300)
    assert codes(notes) == [code]


def test_an_origin_that_is_not_allowed_and_a_dead_server_are_told_apart(
    site: Site, page: Page
) -> None:
    for answer, code in (("refuse", "origin-refused"), ("abort", "server-unreachable")):
        notes = told(page)
        page.unroute_all()
        if answer == "abort":
            page.route("**/config", lambda route: route.abort())
            page.route("**/healthz", lambda route: route.abort())
        else:
            page.route("**/config", lambda route: route.fulfill(status=403, json={}))
        with page.expect_console_message(lambda note, code=code: f"[{code}]" in note.text):
            page.goto(site.host())
        assert code in codes(notes)


@pytest.mark.parametrize(
    ("policy", "code", "words"),
    [
        ("script-src 'nonce-n1' {url}; connect-src 'none'", "csp-connect", "to connect-src"),
        ("script-src {url}/widget.js; connect-src {url}", "csp-script", "to script-src"),
    ],
)
def test_a_policy_that_keeps_the_chat_out_is_named_with_its_directive(
    site: Site, context: Any, policy: str, code: str, words: str
) -> None:
    page = context.new_page()  # the other fixture fails on violations, which are wanted here
    notes = told(page)
    with page.expect_console_message(lambda note: f"[{code}]" in note.text):
        page.goto(site.host(csp=policy))
    page.wait_for_timeout(300)
    assert codes(notes) == [code]
    assert words in notes[0] and site.url in notes[0]


def test_misspelt_events_and_calls_without_a_chat_are_told(site: Site, page: Page) -> None:
    notes = told(page)
    page.goto(site.host())
    page.evaluate("parlance.on('answr', () => 0)")
    page.evaluate("parlance.get('ast_none')")
    page.evaluate("parlance.destroy(); parlance.open()")
    assert codes(notes) == ["unknown-event", "no-chat", "no-chat"]
