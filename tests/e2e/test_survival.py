"""kill -9 of the whole process tree: what was under way is finished after a restart."""

from __future__ import annotations

import http.server
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.llm.models import Prepared
from server.store import Store, open_store
from tests.loop.home import FAQ, Home, start

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(900)]


class SlowSite:
    """The Debian FAQ, served slowly enough to be killed in the middle; counts what it served."""

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()
        site = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments: object) -> None:
                super().__init__(*arguments, directory=str(FAQ))  # type: ignore[arg-type, misc]

            def do_GET(self) -> None:
                time.sleep(0.3)
                super().do_GET()
                site.served[self.path] += 1

            def log_message(self, *_arguments: object) -> None:
                return None

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def slow_site() -> Iterator[SlowSite]:
    site = SlowSite()
    yield site
    site.close()


def wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def read_all(home: Home, site: SlowSite) -> dict[str, object]:
    home.run("assistants", "create", "Debian FAQ", "--key", "faq")
    return home.run("ingest", "faq", f"{site.url}/index.en.html", "--wait")


def hashes(store: Store) -> list[str]:
    assistant = store.assistants.by_key("faq")
    return sorted(p.hash for p in store.knowledge.passages(assistant_id=assistant.id))


def test_b16_a_crawl_killed_in_the_middle_ends_like_an_uninterrupted_one(
    tmp_path: Path, prepared: Prepared, slow_site: SlowSite
) -> None:
    stores = {}
    for name in ("whole", "killed"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "models").symlink_to(prepared.root.parent)
        stores[name] = folder
    home = start(stores["whole"], crawl=slow_site.url)
    expected = read_all(home, slow_site)
    home.kill()
    slow_site.served.clear()

    home = start(stores["killed"], crawl=slow_site.url)
    home.run("assistants", "create", "Debian FAQ", "--key", "faq")
    home.run("ingest", "faq", f"{slow_site.url}/index.en.html")
    store = open_store(f"sqlite:///{stores['killed'] / 'parlance.db'}")
    source = store.knowledge.sources(store.assistants.by_key("faq").id)[0]
    wait(lambda: store.knowledge.count(source.id)[0] >= 5, 120)
    home.kill()
    before = store.knowledge.count(source.id)
    assert before[0] < int(str(expected["pages"]))
    home = start(stores["killed"], crawl=slow_site.url)
    wait(lambda: store.knowledge.source(source.id).status == "ready", 180)
    home.kill()

    whole = open_store(f"sqlite:///{stores['whole'] / 'parlance.db'}")
    assert store.knowledge.count(source.id) == (expected["pages"], expected["passages"])
    assert hashes(store) == hashes(whole)
    twice = [path for path, n in slow_site.served.items() if n > 1 and path.endswith(".en.html")]
    # Only the page that was being read when the tree was killed may have been asked for again.
    assert len(twice) <= 1
    for opened in (store, whole):
        opened.database.close()
