"""A visitor in Chromium who asks through the widget on somebody's page, with a stopwatch."""

from __future__ import annotations

import contextlib
import http.server
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_WAIT = 60_000
# Notes when the newest answer first shows text, by the page's own clock.
_STOPWATCH = """() => {
  const root = document.querySelector('parlance-chat').shadowRoot;
  window.began = performance.now(); window.first = 0;
  const before = root.querySelectorAll('.answer').length;
  const watch = new MutationObserver(() => {
    const answers = root.querySelectorAll('.answer .prose');
    const last = answers[answers.length - 1];
    if (answers.length > before && last && last.textContent.trim()) {
      window.first = performance.now(); watch.disconnect();
    }
  });
  watch.observe(root, { subtree: true, childList: true, characterData: true });
}"""
_HOST = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A distribution</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:17px/1.6 Georgia,serif;margin:0;color:#222;background:#faf8f5}}
header{{background:#a80030;color:#fff;padding:20px 8vw;font-size:22px}}
main{{max-width:640px;padding:32px 8vw}}a{{color:#a80030}}</style></head>
<body><header>A distribution</header><main><h1>Questions about the system</h1>
<p>Our FAQ has answers on packages, releases, kernels and on taking part. Ask the assistant at the
lower right, or read on.</p><ul><li><a href="#">Getting started</a></li>
<li><a href="#">Packages</a></li><li><a href="#">Taking part</a></li></ul></main>
<script src="{url}/widget.js" data-assistant="{key}" async></script></body></html>"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the visitor saw: the reply, where its first citation leads, and how long it took."""

    question: str
    reply: str
    citation: str
    first_seconds: float
    total_seconds: float


@contextlib.contextmanager
def host_page(url: str, key: str) -> Iterator[str]:
    """A page on another origin that carries the one tag."""
    body = _HOST.format(url=url, key=key).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


class Visitor:
    """One browser page with the widget open."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 800})
        self.page.set_default_timeout(_WAIT)
        self.page.goto(address)
        self.page.locator(".launcher").click()
        self.page.locator("textarea").wait_for()

    def ask(self, question: str) -> Seen:
        """Ask and wait for the whole answer."""
        turns = self.page.locator(".answer").count()
        self.page.locator("textarea").fill(question)
        self.page.evaluate(_STOPWATCH)
        self.page.locator("textarea").press("Enter")
        answer = self.page.locator(".answer").nth(turns)
        answer.wait_for()
        self.page.locator(".answer[aria-busy=false]").nth(turns).wait_for()
        began, first, ended = self.page.evaluate(
            "() => [window.began, window.first, performance.now()]"
        )
        link = answer.locator(".sources a")
        return Seen(
            question=question,
            reply=answer.locator(".prose").inner_text(),
            citation=str(link.first.get_attribute("href")) if link.count() else "",
            first_seconds=((first or ended) - began) / 1000,
            total_seconds=(ended - began) / 1000,
        )

    def picture(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(400)
        self.page.screenshot(path=str(path))
