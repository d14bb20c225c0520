"""Ingestion: what an owner can do with sources. The reading itself is a durable workflow."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from server.config import Settings
from server.errors import Conflict, Invalid
from server.jobs import INGEST_QUEUE, Jobs
from server.knowledge.documents import read_document
from server.knowledge.faq import read_faq
from server.knowledge.reading import WORKFLOW
from server.knowledge.urls import start_url
from server.retrieval.vectors import VectorIndex
from server.store import Store
from server.store.assistants import Assistant
from server.store.database import new_id
from server.store.knowledge import Source

KINDS = ("website", "document", "faq", "policy")

_OPEN = ("queued", "running")
_MOST_BYTES = 50_000_000


class Ingestion:
    """Add sources and have them read; the web process does the reading."""

    def __init__(self, settings: Settings, store: Store, jobs: Jobs) -> None:
        self._settings = settings
        self._store = store
        self._jobs = jobs

    def add_website(
        self, assistant: Assistant, url: str, *, pages: int | None = None, depth: int | None = None
    ) -> Source:
        """Add a website, or read it again if it is known."""
        most = self._settings.crawl_pages
        options = {
            "pages": min(_whole(pages, "Pages", most, least=1), most),
            "depth": _whole(depth, "Depth", self._settings.crawl_depth, least=0),
        }
        return self._queue(assistant, "website", start_url(url), options)

    def add_file(
        self, assistant: Assistant, name: str, body: bytes, *, kind: str = "auto", url: str = ""
    ) -> Source:
        """Keep an uploaded file and read it; `url` is where citations of it lead.

        A file that cannot be read is refused here and now, so nothing is left half-registered.
        """
        if len(body) > _MOST_BYTES:
            raise Invalid(f"{name} is larger than {_MOST_BYTES // 1_000_000} MB.", hint="Split it.")
        chosen = _kind_of(name) if kind == "auto" else kind
        if chosen not in KINDS[1:]:
            raise Invalid(f"{kind!r} is no kind of file.", hint=f"Use {', '.join(KINDS[1:])}.")
        if chosen == "faq":
            read_faq(name, body)
        else:
            read_document(name, body, url=url)
        location = name[:300]
        older = self._known(assistant, location)
        stored = new_id("fil")
        folder = self._settings.home / "uploads"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / stored).write_bytes(body)
        options = {"file": stored, "url": url, "hash": content_hash(body)}
        source = self._queue(assistant, chosen, location, options)
        if older is not None:
            self._drop_file(older)
        return source

    def again(self, source_id: str) -> Source:
        """Read a source again."""
        source = self._store.knowledge.source(source_id)
        assistant = self._store.assistants.by_id(source.assistant_id)
        return self._queue(assistant, source.kind, source.location, source.options)

    def cancel(self, source_id: str) -> Source:
        """Stop a reading; what it has stored stays."""
        source = self._store.knowledge.source(source_id)
        if source.status in _OPEN:
            if source.workflow_id:
                self._jobs.cancel(source.workflow_id)
            self._store.knowledge.set_source(source_id, status="cancelled")
        return self._store.knowledge.source(source_id)

    def remove(self, source_id: str, vectors: VectorIndex) -> None:
        """Delete a source and all that was read from it."""
        source = self.cancel(source_id)
        gone = self._store.knowledge.remove_source(source_id)
        vectors.remove(source.assistant_id, gone)
        self._drop_file(source)

    def _drop_file(self, source: Source) -> None:
        if stored := source.options.get("file"):
            (self._settings.home / "uploads" / str(stored)).unlink(missing_ok=True)

    def _known(self, assistant: Assistant, location: str) -> Source | None:
        """The source at a location; Conflict while it is being read."""
        for known in self._store.knowledge.sources(assistant.id):
            if known.location == location:
                if known.status in _OPEN:
                    raise Conflict(
                        f"{location} is being read now.", hint="Wait for it, or cancel it."
                    )
                return known
        return None

    def _queue(
        self, assistant: Assistant, kind: str, location: str, options: dict[str, Any]
    ) -> Source:
        self._known(assistant, location)
        source = self._store.knowledge.add_source(assistant.id, kind, location, options)
        workflow_id = new_id("wfl")
        self._store.knowledge.set_source(source.id, workflow_id=workflow_id)
        self._jobs.enqueue(INGEST_QUEUE, WORKFLOW, source.id, workflow_id=workflow_id)
        return self._store.knowledge.source(source.id)


def _whole(value: object, name: str, default: int, *, least: int) -> int:
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise Invalid(f"{name} is a whole number from {least} up.", hint="Leave it out for more.")
    return value


def content_hash(body: bytes) -> str:
    """Names a file's content, so that the same file need not be read twice."""
    return blake2b(body, digest_size=16).hexdigest()


def _kind_of(name: str) -> str:
    return "faq" if name.lower().endswith((".csv", ".json", ".jsonl")) else "document"
