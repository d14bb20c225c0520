"""A host page with the widget on it, and what a visitor does there, for the widget's tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.e2e.fake_api import KEY, FakeState

LOADER = '<script nonce="n1" src="{url}/widget.js" data-assistant="{key}" {more} async></script>'
PAGE = (
    '<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Shop</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1">{head}</head>'
    '<body><h1>Shop</h1><button id="before">Buy</button>{body}</body></html>'
)


@dataclass(slots=True)
class Site:
    """The scripted server with host pages on it."""

    url: str
    state: FakeState
    pages: dict[str, tuple[str, dict[str, str]]]

    def host(
        self, *, more: str = "", head: str = "", tags: int = 1, csp: str = "", lang: str = "en"
    ) -> str:
        tag = LOADER.format(url=self.url, key=KEY, more=more)
        headers = {"Content-Security-Policy": csp.format(url=self.url)} if csp else {}
        self.pages["host"] = (PAGE.format(lang=lang, head=head, body=tag * tags), headers)
        return f"{self.url}/host/host"


def open_chat(page: Page, address: str) -> None:
    page.goto(address)
    page.locator(".launcher").click()
    expect(page.locator(".panel")).to_be_visible()
    expect(page.locator(".start h2")).to_contain_text("Hello!")


def ask(page: Page, question: str) -> None:
    page.locator("textarea").fill(question)
    page.locator("textarea").press("Enter")


def expect_answered(page: Page, turns: int = 1) -> None:
    expect(page.locator(".answer[aria-busy=false]")).to_have_count(turns, timeout=15_000)


def settle(page: Page) -> None:
    """Wait for the panel's opening to have ended."""
    moving = "document.querySelector('parlance-chat').shadowRoot.getAnimations().length"
    # Asked from here: a page whose policy forbids eval cannot be made to look again by itself.
    for _ in range(200):
        if page.evaluate(moving) == 0:
            return
        page.wait_for_timeout(25)
    raise AssertionError("the panel still moves after five seconds")


def listen(page: Page) -> Callable[[], list[str]]:
    """What a screen reader is told from now on."""
    page.evaluate(
        """() => {
          window.said = [];
          const root = document.querySelector('parlance-chat').shadowRoot;
          const status = root.querySelector('.panel > [role=status]');
          new MutationObserver(() => said.push(status.textContent))
            .observe(status, { childList: true, characterData: true, subtree: true });
        }"""
    )
    return lambda: list(page.evaluate("said"))
