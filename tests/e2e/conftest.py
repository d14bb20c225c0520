"""One Chromium for every browser test, a page that tells on itself, and the widget's host site."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.fake_api import FakeState, create_fake, serve
from tests.e2e.widget_page import Site

ROOT = Path(__file__).resolve().parents[2]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# For a module at a time: while it is open, its event loop runs in the main thread of the tests.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless; Playwright's own download is not needed."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("Chromium is missing. Install it with `apt-get install chromium`.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def built() -> None:
    """Browser tests run what the sources say, not an older build."""
    subprocess.run([sys.executable, str(ROOT / "widget" / "hatch_build.py")], check=True)


@pytest.fixture
def site(built: None) -> Iterator[Site]:
    state = FakeState()
    app = create_fake(state)
    pages: dict[str, tuple[str, dict[str, str]]] = {}
    app.add_url_rule("/host/<name>", "host", lambda name: pages[name])
    running = serve(app)
    yield Site(running.url, state, pages)
    running.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails the test if a script error or a policy violation reached its console."""
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda note: problems.append(note.text) if is_violation(note.text) else None)
    yield page
    assert problems == []


def is_violation(text: str) -> bool:
    return "Content Security Policy" in text or "Trusted" in text
