"""The owner in Chromium, signed in to the console, who looks at a run's report."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.loop.home import Home

_EMAIL, _PASSWORD = "owner@example.org", "a long password for one test"


def picture_of_report(home: Home, browser: Browser, key: str, run_id: str, path: Path) -> None:
    """Sign in as a new owner and keep a picture of the whole report."""
    home.do("users", "add", _EMAIL, "--role", "owner", "--password", _PASSWORD)
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{home.url}/console/{key}/runs/{run_id}")
    page.get_by_label("E-mail").fill(_EMAIL)
    page.get_by_label("Password").fill(_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{home.url}/console/{key}/runs/{run_id}")
    page.get_by_text("What was measured").first.wait_for()
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(path), full_page=True)
    page.close()
