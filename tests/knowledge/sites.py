"""A site on loopback whose answers a test decides, and a whole crawl in memory."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from server.knowledge.crawl import Visited, first_urls, visit
from server.knowledge.fetch import Fetcher
from server.knowledge.urls import admit

Answer = Callable[[BaseHTTPRequestHandler], None]


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is what these tests are about."""


class Site:
    """Counts connections and requests; `pages` maps a path to (type, body) or a function."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes] | Answer] = {}
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                site.connections += 1
                super().setup()

            def do_GET(self) -> None:
                site.paths.append(self.path)
                site.headers.append({k.lower(): v for k, v in self.headers.items()})
                with contextlib.suppress(ConnectionError):
                    site.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        page = self.pages.get(handler.path)
        if page is None:
            reply(handler, 404, "text/html", b"<h1>Not found</h1>")
        elif callable(page):
            page(handler)
        else:
            reply(handler, 200, *page)

    def page(self, path: str, html: str) -> None:
        self.pages[path] = ("text/html; charset=utf-8", html.encode())

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        self.pages[path] = lambda h: reply(h, status, "text/html", b"", {"Location": location})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def reply(
    handler: BaseHTTPRequestHandler,
    status: int,
    content_type: str,
    body: bytes,
    headers: dict[str, str] | None = None,
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder of files on loopback."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def crawl(start: str, fetcher: Fetcher, *, budget: int = 200) -> list[Visited]:
    """Read a whole site the way the durable workflow does, breadth first."""
    seeds = first_urls(start, fetcher)
    waiting = list(seeds.urls)
    known = set(waiting)
    visited: list[Visited] = []
    ended = time.monotonic() + 60
    while waiting and len(visited) < budget and time.monotonic() < ended:
        result = visit(waiting.pop(0), fetcher, seeds.robots, scope=seeds.scope)
        visited.append(result)
        fresh = admit(result.links, known, seeds.scope)
        known.update(fresh)
        waiting.extend(fresh)
    return visited
