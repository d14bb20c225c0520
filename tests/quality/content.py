"""A variant's content in a database of its own, read as ingestion reads it but for the network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from server.answering.fitting import fit_gate
from server.knowledge.chunks import chunk_blocks
from server.knowledge.extract import extract_page
from server.knowledge.reading import embed_chunks
from server.llm.models import Prepared, prepare
from server.retrieval.embed import Embedder
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.store import Store, open_store
from server.store.assistants import Assistant
from server.store.knowledge import Passage
from tests.quality.corpora import Variant

BASE = "http://site.test"


@dataclass(frozen=True, slots=True)
class Content:
    """An assistant that has read a variant's site, at `BASE`."""

    store: Store
    assistant: Assistant
    retriever: Retriever

    @property
    def passages(self) -> list[Passage]:
        return self.store.knowledge.passages(assistant_id=self.assistant.id)


@contextlib.contextmanager
def opened(folder: Path, variant: Variant, *, fitted: bool = False) -> Iterator[Content]:
    """Write the site into a folder, read it, and fit the gate if asked to."""
    site = folder / variant.name
    variant.write(site)
    store = open_store(f"sqlite:///{(folder / f'{variant.name}.db').resolve()}")
    try:
        assistant = store.assistants.create(variant.name, key=variant.name)
        retriever = Retriever(store, embedder(), ExactIndex(store))
        _read(store, assistant, site)
        if fitted:
            fit_gate(retriever, assistant.id)
        yield Content(store, assistant, retriever)
    finally:
        store.database.close()


@cache
def prepared() -> Prepared:
    """The default models, prepared where all tests find them."""
    return prepare(Path(__file__).parents[2] / "var" / "test")


@cache
def embedder() -> Embedder:
    return Embedder(prepared().embedding)


def _read(store: Store, assistant: Assistant, site: Path) -> None:
    source = store.knowledge.add_source(assistant.id, "website", f"{BASE}/", {})
    for path in sorted(site.glob("*.html")):
        if path.name == "index.html":
            continue
        page = extract_page(path.read_bytes(), f"{BASE}/{path.name}", "text/html; charset=utf-8")
        store.knowledge.put_page(
            source,
            url=page.url,
            title=page.title,
            hash=page.content_hash,
            round=1,
            new_passages=embed_chunks(embedder(), chunk_blocks(page.blocks)),
        )
    store.knowledge.set_source(source.id, status="ready")
