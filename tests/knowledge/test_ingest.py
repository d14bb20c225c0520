"""Reading sources for good: whole or not at all, through failures, changes, and kill -9."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast

import pytest
from dbos import DBOS

from server import jobs
from server.config import Settings
from server.errors import Conflict, Invalid
from server.jobs import INGEST_QUEUE, Jobs
from server.knowledge import reading
from server.knowledge.ingest import Ingestion
from server.retrieval.vectors import ChromaIndex, ExactIndex
from server.store import Store, open_store
from server.store.assistants import Assistant
from server.store.knowledge import Source
from tests.knowledge.sites import Site, reply
from tests.speaking import WordEmbedder, until

PAGES = 24


@dataclass
class Library:
    """The reading as it runs in the web process, on a store of its own; readings run at once."""

    store: Store
    settings: Settings
    assistant: Assistant
    ingestion: Ingestion
    reader: reading.Reader
    vectors: ExactIndex
    queued: list[str] = field(default_factory=list)

    def website(self, url: str, **options: Any) -> Source:
        """Add a website and read it to the end, step by step as the workflow does."""
        return self.read(self.ingestion.add_website(self.assistant, url, **options))

    def read(self, source: Source) -> Source:
        workflow(self.reader, source.id)
        return self.store.knowledge.source(source.id)

    def texts(self) -> list[str]:
        return [p.text for p in self.store.knowledge.passages(assistant_id=self.assistant.id)]


def workflow(reader: reading.Reader, source_id: str) -> None:
    """The workflow of `reading.register` without its checkpoints."""
    from server.errors import AppError

    try:
        round, began = reader.begin(source_id)
        embedded = 0
        while (step := reader.read(source_id, round)) is not None:
            embedded += step
        reader.ready(source_id, reader.finish(source_id, round, began, embedded))
    except AppError as error:
        reader.fail(source_id, str(error))


class _NoJobs:
    def enqueue(self, queue: str, name: str, *args: str, workflow_id: str) -> None: ...
    def cancel(self, workflow_id: str) -> None: ...


@pytest.fixture
def library(tmp_path: Path, site: Site, sqlite_store: Store) -> Iterator[Library]:
    settings = Settings(home=tmp_path, crawl_private=f"127.0.0.1:{site.port}")
    vectors = ExactIndex(sqlite_store)
    reader = reading.Reader(settings, sqlite_store, WordEmbedder(), vectors)
    yield Library(
        sqlite_store,
        settings,
        sqlite_store.assistants.create("Acme", key="acme"),
        Ingestion(settings, sqlite_store, cast(Any, _NoJobs())),
        reader,
        vectors,
    )
    reader._fetcher.close()


def _page(title: str, *links: str, text: str = "") -> str:
    said = text or f"{title} is a chapter about {title.lower()} and the many things around it."
    anchors = " ".join(f'<a href="{link}">{link} is over there</a>' for link in links)
    body = f"<main><h1>{title}</h1><p>{said}</p><p>{anchors}</p></main>"
    return f"<html><head><title>{title}</title></head><body>{body}</body></html>"


def _fill(site: Site, count: int = PAGES) -> None:
    """A site whose pages link on in twos, so a crawl is many steps deep."""
    for n in range(count):
        onward = [f"/p{m}" for m in (2 * n + 1, 2 * n + 2) if m < count]
        site.page("/" if n == 0 else f"/p{n}", _page(f"Chapter {n}", *onward))


def test_a_website_is_read_whole(library: Library, site: Site) -> None:
    _fill(site, 7)
    source = library.website(site.url)
    assert (source.status, source.error) == ("ready", "")
    assert source.counts["pages"] == 7 and source.counts["passages"] >= 7
    assert source.counts["embedded"] == source.counts["passages"]
    assert set(source.counts) == {
        *("source", "pages", "passages", "embedded", "skipped", "failed", "seconds")
    }
    pages = Counter(p for p in site.paths if p != "/robots.txt" and "sitemap" not in p)
    assert set(pages.values()) == {1}


def test_reading_again_embeds_only_what_changed(library: Library, site: Site) -> None:
    _fill(site, 7)
    first = library.website(site.url)
    before = {p.id for p in library.store.knowledge.passages(assistant_id=library.assistant.id)}
    site.page("/p5", _page("Chapter 5", text="Chapter five was written anew, with other words."))
    second = library.read(library.ingestion.again(first.id))
    assert second.counts["embedded"] == 1 and second.counts["pages"] == 7
    after = {p.id for p in library.store.knowledge.passages(assistant_id=library.assistant.id)}
    assert len(before - after) == len(after - before) == 1
    assert any("written anew" in text for text in library.texts())
    assert library.store.knowledge.page_at(first.id, f"{site.url}/p5").version == 2  # type: ignore[union-attr]


def test_b18_a_page_that_is_gone_is_forgotten(library: Library, site: Site) -> None:
    _fill(site, 7)
    first = library.website(site.url)
    del site.pages["/p6"]
    second = library.read(library.ingestion.again(first.id))
    assert second.status == "ready" and second.counts["pages"] == 6
    assert not any("Chapter 6 is" in text for text in library.texts())


def test_a_page_that_fails_for_a_moment_is_kept(library: Library, site: Site) -> None:
    _fill(site, 7)
    first = library.website(site.url)
    before = sorted(library.texts())
    site.pages["/p6"] = lambda h: reply(h, 503, "text/html", b"")
    second = library.read(library.ingestion.again(first.id))
    assert second.counts["failed"] == 1
    assert sorted(library.texts()) == before


def test_a_site_that_is_down_is_told_and_the_last_good_reading_stays(
    library: Library, site: Site
) -> None:
    _fill(site, 3)
    first = library.website(site.url)
    before = library.texts()
    for path in list(site.pages):
        site.pages[path] = lambda h: reply(h, 503, "text/html", b"")
    second = library.read(library.ingestion.again(first.id))
    assert second.status == "failed" and second.error
    assert library.texts() == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9/", "not"),  # nobody listens there, and it is not permitted either
        ("http://nowhere.invalid/", "nowhere.invalid"),
        ("http://169.254.169.254/", "169.254.169.254"),
    ],
)
def test_a_site_that_cannot_be_reached_is_one_sentence(
    library: Library, url: str, said: str
) -> None:
    source = library.website(url)
    assert source.status == "failed" and said in source.error
    assert "Traceback" not in source.error and "\n" not in source.error
    assert library.store.knowledge.count(source.id) == (0, 0)


def test_a_site_without_a_page_is_one_sentence(library: Library, site: Site) -> None:
    site.pages["/"] = ("application/zip", b"PK\x03\x04")
    source = library.website(site.url)
    assert source.status == "failed" and "application/zip" in source.error
    assert library.store.knowledge.count(source.id) == (0, 0)


@pytest.mark.parametrize("url", ["", "ftp://a.example/", "javascript:alert(1)", "http://u@a.b/"])
def test_an_address_that_is_none_is_refused_before_anything_is_stored(
    library: Library, url: str
) -> None:
    with pytest.raises(Invalid):
        library.ingestion.add_website(library.assistant, url)
    assert library.store.knowledge.sources(library.assistant.id) == []


def test_the_page_budget_is_kept(library: Library, site: Site) -> None:
    _fill(site, 20)
    assert library.website(site.url, pages=5).counts["pages"] == 5


def test_the_depth_is_kept(library: Library, site: Site) -> None:
    _fill(site, 20)
    assert library.website(site.url, depth=1).counts["pages"] == 3


def test_a_second_reading_of_one_source_waits_for_the_first(library: Library, site: Site) -> None:
    library.ingestion.add_website(library.assistant, site.url)
    with pytest.raises(Conflict):
        library.ingestion.add_website(library.assistant, site.url)


def test_a_cancelled_source_may_be_read_again(library: Library, site: Site) -> None:
    _fill(site, 3)
    source = library.ingestion.add_website(library.assistant, site.url)
    assert library.ingestion.cancel(source.id).status == "cancelled"
    assert library.read(library.ingestion.again(source.id)).status == "ready"


MANUAL = b"# Manual\n\n## Starting\n\nPress the green button to start the machine at once.\n"


def test_a_document_is_read_under_the_address_its_owner_gives(library: Library) -> None:
    source = library.read(
        library.ingestion.add_file(
            library.assistant, "manual.md", MANUAL, url="https://a.example/manual"
        )
    )
    assert (source.status, source.counts["pages"]) == ("ready", 1)
    passage = library.store.knowledge.passages(assistant_id=library.assistant.id)[0]
    assert passage.url == "https://a.example/manual" and "green button" in passage.text


def test_every_pair_of_a_faq_is_a_page_of_its_own(library: Library) -> None:
    faq = b"question,answer\nWhen are you open?,We are open from nine to five.\nWhere?,In Oslo.\n"
    source = library.read(library.ingestion.add_file(library.assistant, "faq.csv", faq))
    assert source.counts["pages"] == 2
    assert any("nine to five" in text for text in library.texts())


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("broken.pdf", b"%PDF-1.7 and then nothing of the sort", "auto"),
        ("empty.md", b"", "auto"),
        ("setup.exe", b"MZ\x90\x00", "auto"),
        ("faq.csv", b"only\none\ncolumn\n", "auto"),
        ("faq.json", b"{not json", "auto"),
        ("manual.md", MANUAL, "website"),
        ("manual.md", MANUAL, "nonsense"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_nothing_is_kept(
    library: Library, name: str, body: bytes, kind: str
) -> None:
    with pytest.raises(Invalid) as told:
        library.ingestion.add_file(library.assistant, name, body, kind=kind)
    assert "\n" not in str(told.value)
    assert library.store.knowledge.sources(library.assistant.id) == []
    uploads = library.settings.home / "uploads"
    assert not uploads.exists() or not any(uploads.iterdir())


def test_a_file_turned_away_because_it_is_being_read_leaves_nothing_behind(
    library: Library,
) -> None:
    library.ingestion.add_file(library.assistant, "manual.md", MANUAL)
    with pytest.raises(Conflict):
        library.ingestion.add_file(library.assistant, "manual.md", MANUAL + b"\nMore words here.\n")
    assert len(list((library.settings.home / "uploads").iterdir())) == 1


def test_a_newer_file_of_the_same_name_takes_the_older_ones_place(library: Library) -> None:
    library.read(library.ingestion.add_file(library.assistant, "manual.md", MANUAL))
    newer = MANUAL.replace(b"green", b"yellow")
    source = library.read(library.ingestion.add_file(library.assistant, "manual.md", newer))
    assert source.counts["pages"] == 1
    assert "yellow" in library.texts()[0] and len(library.texts()) == 1
    assert len(list((library.settings.home / "uploads").iterdir())) == 1


def test_a_removed_source_leaves_no_passage_and_no_file(library: Library) -> None:
    source = library.read(library.ingestion.add_file(library.assistant, "manual.md", MANUAL))
    library.ingestion.remove(source.id, library.vectors)
    assert library.texts() == [] and library.store.knowledge.sources(library.assistant.id) == []
    assert not any((library.settings.home / "uploads").iterdir())
    assert library.store.lexical.search(library.assistant.id, "green button", limit=5) == []


# What follows runs the real workflow on the real job system and Chroma, in a process of its own.


@pytest.fixture
def slow_site(site: Site) -> Site:
    """Two dozen pages that take their time, so that there is a middle to be killed in."""
    _fill(site)

    pages = cast(dict[str, tuple[str, bytes]], dict(site.pages))

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.05)
        reply(handler, 200, *pages[handler.path])

    site.pages.update(dict.fromkeys(pages, slowly))
    return site


class Reading:
    """Starts and ends reading processes on one home folder."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.store = open_store(Settings(home=home).database)
        self.assistant = self.store.assistants.create("Acme", key="acme")
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, *url: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.knowledge.reading_process"]
        process = subprocess.Popen(
            [*command, str(self.home), str(self.port), *url], stdout=subprocess.PIPE
        )
        self._processes.append(process)
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        return process

    def source(self) -> Source:
        return self.store.knowledge.sources(self.assistant.id)[0]

    def pages(self) -> int:
        found = self.store.knowledge.sources(self.assistant.id)
        return self.store.knowledge.count(found[0].id)[0] if found else 0

    def hashes(self) -> set[tuple[str, str]]:
        passages = self.store.knowledge.passages(assistant_id=self.assistant.id)
        return {(p.url, p.hash) for p in passages}

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self.store.database.close()


@pytest.fixture
def make_reading(tmp_path: Path, slow_site: Site) -> Iterator[Callable[[str], Reading]]:
    opened: list[Reading] = []

    def make(name: str) -> Reading:
        (tmp_path / name).mkdir()
        opened.append(Reading(tmp_path / name, slow_site.port))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_what_follows_a_reading_is_done_once_for_sources_that_wait_together(
    library: Library,
) -> None:
    first, second = (
        library.ingestion.add_file(library.assistant, name, b"# Opening hours\n\nFrom nine.")
        for name in ("one.md", "two.md")
    )
    told: list[str] = []
    for source in (first, second):
        library.read(source)
        reading._follow_up(library.store, source.id, told.append)
        assert told == ([] if source is first else [library.assistant.id])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_b16_a_reading_cut_in_the_middle_is_finished_after_a_restart(
    make_reading: Callable[[str], Reading], slow_site: Site, how: str
) -> None:
    whole = make_reading("whole")
    whole.start(slow_site.url)
    until(lambda: whole.pages() > 0 and whole.source().status == "ready", 60)
    asked = Counter(slow_site.paths)
    slow_site.paths.clear()

    cut = make_reading("cut")
    process = cut.start(slow_site.url)
    for pages in (3, 13):
        until(lambda least=pages: cut.pages() >= least, 60)  # type: ignore[misc]
        getattr(process, how)()
        process.wait(30)
        # A polite end lets the step in hand finish, and on a slow machine a few more.
        expected = {"running"} if how == "kill" else {"running", "ready"}
        assert cut.source().status in expected, cut.source().error
        process = cut.start()
    until(lambda: cut.source().status in {"ready", "failed"}, 60)

    assert cut.source().status == "ready", cut.source().error
    assert cut.hashes() == whole.hashes() and cut.pages() == whole.pages() == PAGES
    assert cut.source().counts["passages"] == whole.source().counts["passages"]
    again = {p for p, n in Counter(slow_site.paths).items() if n > 1 and p in asked}
    # Only what was in flight, and where a crawl begins, is asked for twice.
    assert len(again - {"/robots.txt", "/sitemap.xml"}) <= 2 * 4, again
    index = _index_of(cut)
    assert index == cut.store.knowledge.passage_ids(cut.assistant.id)


def _index_of(reading: Reading) -> set[str]:
    """What Chroma holds, asked for once its owner has gone."""
    reading.close()
    index = ChromaIndex(reading.home / "chroma")
    try:
        return set(index._collection(reading.assistant.id).get(include=[])["ids"])
    finally:
        index.close()


@pytest.mark.slow
def test_b18_a_cancelled_reading_stops_and_stays_cancelled(
    make_reading: Callable[[str], Reading], slow_site: Site
) -> None:
    reading = make_reading("one")
    reading.start(slow_site.url)
    until(lambda: reading.pages() >= 3, 60)
    settings = Settings(home=reading.home)
    Ingestion(settings, reading.store, Jobs(settings)).cancel(reading.source().id)
    time.sleep(1.5)
    stopped = reading.pages()
    assert stopped < PAGES
    time.sleep(0.5)
    assert reading.pages() == stopped and reading.source().status == "cancelled"


@pytest.mark.slow
def test_b21_a_second_process_on_one_home_is_turned_away(
    make_reading: Callable[[str], Reading],
) -> None:
    reading = make_reading("one")
    reading.start()
    with pytest.raises(Conflict, match="Another Parlance process"):
        ChromaIndex(reading.home / "chroma")


def test_the_workflow_tells_a_failure_that_nobody_foresaw(
    tmp_path: Path, sqlite_store: Store
) -> None:
    class Broken:
        def embed_array(self, texts: list[str]) -> Any:
            raise RuntimeError("the device went away")

    settings = Settings(home=tmp_path)
    assistant = sqlite_store.assistants.create("Acme", key="acme")
    jobs.migrate(settings)
    reading.register(settings, sqlite_store, Broken(), ExactIndex(sqlite_store))
    try:
        jobs.launch(settings, executor="web", queues=(INGEST_QUEUE,))
        work = Jobs(settings)
        source = Ingestion(settings, sqlite_store, work).add_file(assistant, "manual.md", MANUAL)
        until(lambda: sqlite_store.knowledge.source(source.id).status == "failed", 30)
        until(lambda: work.status(str(source.workflow_id)) == "done", 30)
        told = sqlite_store.knowledge.source(source.id).error
        assert "the log says why" in told and "device" not in told
    finally:
        DBOS.destroy(destroy_registry=True)


def test_b16_what_a_stop_breaks_is_no_failure_of_the_source(
    tmp_path: Path, sqlite_store: Store
) -> None:
    entered, release = threading.Event(), threading.Event()

    class Held(WordEmbedder):
        def embed_array(self, texts: Sequence[str]) -> Any:
            if not release.is_set():
                entered.set()
                release.wait(20)
                raise RuntimeError("the index was closed")
            return super().embed_array(texts)

    settings = Settings(home=tmp_path)
    assistant = sqlite_store.assistants.create("Acme", key="acme")
    jobs.migrate(settings)
    reading.register(settings, sqlite_store, Held(), ExactIndex(sqlite_store))
    try:
        jobs.launch(settings, executor="web", queues=(INGEST_QUEUE,))
        ingestion = Ingestion(settings, sqlite_store, Jobs(settings))
        source = ingestion.add_file(assistant, "manual.md", MANUAL)
        assert entered.wait(20)
        jobs.shut_down()
        release.set()
        time.sleep(0.5)
        assert sqlite_store.knowledge.source(source.id).status == "running"
        jobs.launch(settings, executor="web", queues=(INGEST_QUEUE,))
        until(lambda: sqlite_store.knowledge.source(source.id).status == "ready", 30)
    finally:
        DBOS.destroy(destroy_registry=True)
