"""Reading a source: the durable workflow's steps, from first address to stored passages.

Every step settles what it did in the database before it ends, so a killed reading goes on where it
was: visited pages stay visited, and a page is stored whole or not at all. Until a reading has
finished, and whenever one fails, visitors are answered from the last good one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

import numpy as np
from dbos import DBOS

from server.config import Settings
from server.errors import AppError, Unavailable
from server.knowledge.chunks import Chunk, chunk_blocks
from server.knowledge.crawl import Seeds, first_urls, visit
from server.knowledge.documents import read_document
from server.knowledge.faq import read_faq
from server.knowledge.fetch import Fetcher
from server.knowledge.pages import Block, ExtractedPage
from server.knowledge.urls import admit
from server.retrieval.hybrid import Embedding
from server.retrieval.vectors import DIMENSIONS, Vector, VectorIndex, matrix
from server.store import Store
from server.store.frontier import Visit
from server.store.knowledge import NewPassage, Source

WORKFLOW = "ingest"

_BATCH = 4
_LONGEST_PAUSE = 10.0

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


def register(
    settings: Settings,
    store: Store,
    embedder: Embedding,
    vectors: VectorIndex,
    *,
    after: Callable[[str], object] = lambda _: None,
) -> None:
    """Define the workflow in this process; before `jobs.launch`.

    `after` is called with the assistant's id once its content is there, after the last of several
    sources: what is made from content (the refusal gate) lies above this layer.
    """
    reader = Reader(settings, store, embedder, vectors)
    begin = _step("begin", reader.begin)
    read = _step("read", reader.read)
    finish = _step("finish", reader.finish)
    ready = _step("ready", reader.ready)
    fail = _step("fail", reader.fail)
    follow_up = _step("follow-up", lambda source_id: _follow_up(store, source_id, after))

    @DBOS.workflow(name=WORKFLOW)
    def ingest(source_id: str) -> dict[str, Any]:
        try:
            round, began = begin(source_id)
            embedded = 0
            while (step := read(source_id, round)) is not None:
                embedded += step
            counts = finish(source_id, round, began, embedded)
            follow_up(source_id)
            return ready(source_id, counts)
        except AppError as error:
            reason = str(error)
        except Exception:
            log.exception("reading source %s failed", source_id)
            reason = "It could not be read; the log says why."
        follow_up(source_id)  # some pages may have been stored
        return fail(source_id, reason)


def _follow_up(store: Store, source_id: str, after: Callable[[str], object]) -> None:
    """Content that was read stays read, whatever becomes of what is made from it."""
    try:
        assistant_id = store.knowledge.source(source_id).assistant_id
        waiting = [s for s in store.knowledge.sources(assistant_id) if s.status == "queued"]
        # Sources are read one at a time, so what waits comes here too: ten files, one gate.
        if not waiting:
            after(assistant_id)
    except Exception:
        log.exception("what follows the reading of source %s failed", source_id)


def _step(name: str, method: Callable[P, R]) -> Callable[P, R]:
    # DBOS marks the function it is given, which a bound method does not allow.
    def step(*args: P.args, **kwargs: P.kwargs) -> R:
        return method(*args, **kwargs)

    return DBOS.step(name=name)(step)


class Reader:
    """The steps of a reading. A round is one reading of a source from start to end."""

    def __init__(
        self, settings: Settings, store: Store, embedder: Embedding, vectors: VectorIndex
    ) -> None:
        self._settings = settings
        self._store = store
        self._embedder = embedder
        self._vectors = vectors
        self._fetcher = Fetcher(allowed_hosts=settings.private_hosts)
        self._seeds: dict[str, Seeds] = {}

    def begin(self, source_id: str) -> tuple[int, float]:
        """Open a round: put its first addresses on the frontier."""
        source = self._store.knowledge.source(source_id)
        round = self._store.frontier.next_round(source_id)
        self._store.knowledge.set_source(source_id, status="running", error="")
        if source.kind == "website":
            self._seeds.pop(source_id, None)
            first = self._site(source).urls
            budget = int(source.options["pages"])
        else:
            first, budget = (source.location,), 1
        self._store.frontier.add(source_id, round, first, depth=0, budget=budget)
        return round, time.time()

    def read(self, source_id: str, round: int) -> int | None:
        """Read the next few addresses; return how many passages were embedded, None at the end."""
        source = self._store.knowledge.source(source_id)
        waiting = self._store.frontier.waiting(source_id, round, _BATCH)
        if not waiting:
            return None
        one = self._visit if source.kind == "website" else self._open
        return sum(one(source, round, place) for place in waiting)

    def finish(self, source_id: str, round: int, began: float, embedded: int) -> dict[str, Any]:
        """Drop what the site no longer has and say what the reading came to."""
        source = self._store.knowledge.source(source_id)
        tally = self._store.frontier.tally(source_id, round)
        if not tally.get("done") and not tally.get("unchanged"):
            first = self._store.frontier.failures(source_id, round)
            raise Unavailable(first[0].reason if first else "Nothing was found to read.")
        gone = self._store.knowledge.drop_pages_not_in(source_id, round)
        self._vectors.remove(source.assistant_id, gone)
        pages, passages = self._store.knowledge.count(source_id)
        counts = {
            "source": source_id,
            "pages": pages,
            "passages": passages,
            "embedded": embedded,
            "skipped": tally.get("skipped", 0),
            "failed": tally.get("failed", 0),
            "seconds": float(f"{max(0.0, time.time() - began):.2f}"),
        }
        return counts

    def ready(self, source_id: str, counts: dict[str, Any]) -> dict[str, Any]:
        """Say that a source is read, with what its reading came to."""
        self._store.knowledge.set_source(source_id, status="ready", counts=counts)
        return counts

    def fail(self, source_id: str, reason: str) -> dict[str, Any]:
        """Say why a reading failed; what an earlier one stored stays."""
        self._store.knowledge.set_source(source_id, status="failed", error=reason)
        return {"source": source_id, "error": reason}

    def _visit(self, source: Source, round: int, place: Visit) -> int:
        site = self._site(source)
        time.sleep(min(site.robots.crawl_delay, _LONGEST_PAUSE))
        seen = visit(place.url, self._fetcher, site.robots, scope=site.scope)
        if place.depth < int(source.options["depth"]):
            known = self._store.frontier.addresses(source.id, round)
            onward = admit(seen.links, known, site.scope)
            self._store.frontier.add(
                source.id,
                round,
                onward,
                depth=place.depth + 1,
                budget=int(source.options["pages"]),
            )
        if seen.page is None:
            if seen.retry:
                # A server that stumbles has not lost its page: what was read before stays.
                self._store.knowledge.keep_page(source.id, place.url, round)
            self._store.frontier.settle(place.seq, seen.status, seen.reason)
            return 0
        twin = self._store.knowledge.twin(source.id, round, seen.page.url, seen.page.content_hash)
        if twin is not None:
            self._store.frontier.settle(place.seq, "skipped", f"It is the same as {twin}.")
            return 0
        status, embedded = self._keep(source, round, seen.page)
        self._store.frontier.settle(place.seq, status, "; ".join(seen.page.warnings))
        return embedded

    def _open(self, source: Source, round: int, place: Visit) -> int:
        body = (self._settings.home / "uploads" / str(source.options["file"])).read_bytes()
        embedded = 0
        for page in _pages_of(source, body):
            embedded += self._keep(source, round, page)[1]
        self._store.frontier.settle(place.seq, "done")
        return embedded

    def _keep(self, source: Source, round: int, page: ExtractedPage) -> tuple[str, int]:
        """Store a page with its passages, unless it is as it was."""
        known = self._store.knowledge.page_at(source.id, page.url)
        if known is not None and known.hash == page.content_hash:
            self._store.knowledge.keep_page(source.id, page.url, round)
            return "unchanged", 0
        fresh = embed_chunks(self._embedder, chunk_blocks(page.blocks))
        gone = self._store.knowledge.put_page(
            source,
            url=page.url,
            title=page.title,
            hash=page.content_hash,
            round=round,
            new_passages=fresh,
        )
        # The index after the database: what a kill leaves out here, `reconcile` puts in at start.
        self._vectors.remove(source.assistant_id, gone)
        self._index(source, page.url)
        return "done", len(fresh)

    def _index(self, source: Source, url: str) -> None:
        page = self._store.knowledge.page_at(source.id, url)
        stored = self._store.knowledge.passages(page_id=page.id) if page else []
        if stored:
            self._vectors.put(source.assistant_id, [p.id for p in stored], matrix(stored))

    def _site(self, source: Source) -> Seeds:
        if source.id not in self._seeds:
            self._seeds[source.id] = first_urls(source.location, self._fetcher)
        return self._seeds[source.id]


def embed_chunks(embedder: Embedding, chunks: Sequence[Chunk]) -> list[NewPassage]:
    """Embed passages (under their headings) and each of their sentences, in one batch."""
    if not chunks:
        return []
    texts = [_with_heading(c) for c in chunks]
    sentences = [[c.text[s:e] for s, e in c.sentences] for c in chunks]
    vectors = embedder.embed_array(texts + [s for own in sentences for s in own])
    passages, at = [], len(texts)
    for n, chunk in enumerate(chunks):
        own: Vector = vectors[at : at + len(sentences[n])].reshape(-1, DIMENSIONS)
        at += len(sentences[n])
        passages.append(
            NewPassage(
                ordinal=chunk.ordinal,
                heading=" > ".join(chunk.heading_path),
                anchor=chunk.anchor,
                text=chunk.text,
                hash=chunk.hash,
                sentences=[(s, e) for s, e in chunk.sentences],
                embedding=vectors[n].astype(np.float32).tobytes(),
                sentence_embeddings=own.astype(np.float32).tobytes(),
            )
        )
    return passages


def _with_heading(chunk: Chunk) -> str:
    return "\n".join([*chunk.heading_path[-2:], chunk.text])


def _pages_of(source: Source, body: bytes) -> Iterator[ExtractedPage]:
    url = str(source.options.get("url") or "")
    if source.kind != "faq":
        page = read_document(source.location, body, url=url or f"file:{source.location}")
        yield page
        return
    for pair in read_faq(source.location, body):
        answer = Block(pair.answer, (pair.question,), "", "answer")
        address = pair.url or url or f"faq:{source.location}"
        # A text fragment: it tells pairs at one address apart, and browsers scroll to it.
        place = f"{address}#:~:text={quote(pair.question[:200])}"
        yield ExtractedPage(place, pair.question, "", (answer,))
