"""Pictures to look at: `python -m tests.e2e.pictures FOLDER`.

The widget's states and the console's preview of settings, at three widths, light and dark.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from playwright.sync_api import Browser, Page, sync_playwright

from server.app import create_app
from server.config import Settings
from server.services import Services
from server.store import open_store
from server.web.passwords import hash_password
from tests.e2e.conftest import FLAGS
from tests.e2e.fake_api import FakeState, create_fake, serve
from tests.e2e.widget_page import Site, ask, expect_answered, open_chat, settle
from tests.speaking import RETURNS, SITE, Talk

WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")
PASSWORD = "correct horse battery"
STATES = {
    "supported": "Can I return a bicycle?",
    "uncertain": "perhaps?",
    "refused": "the moon?",
    "curated": "ask the team",
    "handed-over": "a person please",
}


def main(folder: Path) -> None:
    """Take every picture; the names say what is on them."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        for scheme in SCHEMES:
            for width in WIDTHS:
                _widget(browser, folder, scheme, width)
                _console(browser, folder, scheme, width)
        browser.close()


def _widget(browser: Browser, folder: Path, scheme: str, width: int) -> None:
    state = FakeState()
    app = create_fake(state)
    pages: dict[str, tuple[str, dict[str, str]]] = {}
    app.add_url_rule("/host/<name>", "host", lambda name: pages[name])
    running = serve(app)
    site = Site(running.url, state, pages)
    for name, question in STATES.items():
        with _page(browser, scheme, width) as page:
            state.turns.clear()
            open_chat(page, site.host())
            ask(page, question)
            expect_answered(page)
            if name == "supported":
                _shoot(page, folder, f"widget-{name}-{scheme}-{width}")
                state.states = {1: "changed", 2: "gone"}
                page.reload()
                page.locator(".launcher").wait_for()
                answer = page.locator(".panel .answer")
                answer.wait_for(state="attached")
                if not page.locator(".panel").is_visible():  # a phone's panel stays closed
                    page.locator(".launcher").click()
                page.locator(".mark").first.click()
                state.states, name = {}, "changed"
            settle(page)
            _shoot(page, folder, f"widget-{name}-{scheme}-{width}")
    running.stop()


def _console(browser: Browser, folder: Path, scheme: str, width: int) -> None:
    with tempfile.TemporaryDirectory() as home, _desk(Path(home)) as (address, talk):
        refused = talk.conversation()
        talk.ask(conversation=refused)
        talk.ask("Who repairs my shipping robot?", refused)
        talk.learn(f"{SITE}/returns", "Returns", [RETURNS[0].replace("30", "14"), *RETURNS[1:]])
        with _page(browser, scheme, width) as page:
            page.goto(f"{address}/console/sign-in")
            page.fill("[name=email]", "owner@example.org")
            page.fill("[name=password]", PASSWORD)
            page.locator("button", has_text="Sign in").click()
            page.goto(f"{address}/console/acme/conversations/{refused.id}")
            for panel in page.locator("details.behind").all():
                panel.locator("summary").first.click()
            _shoot(page, folder, f"console-turns-{scheme}-{width}", whole=True)
            page.goto(f"{address}/console/acme/settings")
            _shoot(page, folder, f"console-settings-{scheme}-{width}")
            page.fill("[name=contact]", "nobody")
            _try(page, "Can orders be returned?")
            page.locator("#e-contact:not(:empty)").wait_for()
            _shoot(page, folder, f"console-wrong-{scheme}-{width}", whole=True)
            page.fill("[name=contact]", "help@acme.example")
            page.fill("[name=guidelines]", "Say thank you.\nUse metres.")
            page.fill("[name=refusal]", "We do not know that yet. Ask us in other words?")
            _try(page, "Who repairs my shipping robot?")
            page.locator(".try").nth(1).wait_for()
            page.locator("#tried summary").click()
            _shoot(page, folder, f"console-tried-{scheme}-{width}")


def _try(page: Page, question: str) -> None:
    page.fill("[name=question]", question)
    page.locator("#f-question").press("Enter")


@contextmanager
def _desk(home: Path) -> Iterator[tuple[str, Talk]]:
    """A console whose assistant answers, without a model."""
    settings = Settings(home=home)
    store = open_store(settings.database)
    store.people.add("owner@example.org", role="owner", password_hash=hash_password(PASSWORD))
    talk = Talk(store)
    talk.assistant = store.assistants.change("acme", {"contact": "https://www.acme.example/help"})
    absent = cast(Any, None)
    services = Services(
        settings=settings,
        store=store,
        jobs=absent,
        vectors=talk.vectors,
        retriever=talk.retriever,
        voices=talk.voices,
        ingestion=absent,
        chat=talk.chat,
    )
    running = serve(create_app(services))
    yield running.url, talk
    running.stop()
    talk.chat.close()
    store.database.close()


@contextmanager
def _page(browser: Browser, scheme: str, width: int) -> Iterator[Page]:
    options: dict[str, Any] = {"color_scheme": scheme, "reduced_motion": "reduce"}
    context = browser.new_context(viewport={"width": width, "height": 860}, **options)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def _shoot(page: Page, folder: Path, name: str, *, whole: bool = False) -> None:
    page.wait_for_timeout(200)
    page.screenshot(path=folder / f"{name}.png", full_page=whole)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
