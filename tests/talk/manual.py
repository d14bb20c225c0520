"""The manual as content: an assistant that has read it, and the chat that answers from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.answering.fitting import fit_gate
from server.chat import Chat
from server.demo import _SETTINGS
from server.knowledge.chunks import chunk_blocks
from server.knowledge.documents import read_document
from server.knowledge.reading import embed_chunks
from server.llm.chat_model import EngineChatModel
from server.llm.engine import Engine, GenerationParams
from server.llm.models import Prepared
from server.llm.voice import FixedVoices
from server.retrieval.embed import Embedder
from server.retrieval.hybrid import Embedding, Retriever
from server.retrieval.vectors import ExactIndex
from server.store import Store, open_store
from server.store.assistants import Assistant
from server.web.docs import FOLDER, page_name

SITE = "https://parlance.example"


@dataclass(frozen=True, slots=True)
class Desk:
    """What a replay needs: the assistant that knows the manual, and what answers for it."""

    store: Store
    assistant: Assistant
    retriever: Retriever
    chat: Chat


@contextmanager
def at_the_manual(folder: Path, prepared: Prepared) -> Iterator[Desk]:
    """Read the manual once, with the real models."""
    store = open_store(f"sqlite:///{(folder / 'talk.db').resolve()}")
    engine = Engine(prepared.serving)
    try:
        assistant, retriever = read_manual(store, Embedder(prepared.embedding))
        model = EngineChatModel(engine=engine, params=GenerationParams(max_new_tokens=160))
        chat = Chat(store, retriever, FixedVoices(model))
        yield Desk(store, assistant, retriever, chat)
        chat.close()
    finally:
        engine.close()
        store.database.close()


def read_manual(store: Store, embedder: Embedding) -> tuple[Assistant, Retriever]:
    """An assistant with the demo's settings that knows the manual, and what searches it."""
    assistant = store.assistants.create("Parlance", key="manual", settings=_SETTINGS)
    for path in sorted(FOLDER.glob("*.md")):
        url = f"{SITE}/docs/{page_name(path)}"
        page = read_document(path.name, path.read_bytes(), url=url)
        source = store.knowledge.add_source(assistant.id, "document", path.name, {"url": url})
        store.knowledge.put_page(
            source,
            url=page.url,
            title=page.title,
            hash=page.content_hash,
            round=1,
            new_passages=embed_chunks(embedder, chunk_blocks(page.blocks)),
        )
    retriever = Retriever(store, embedder, ExactIndex(store))
    fit_gate(retriever, assistant.id)
    return assistant, retriever


def heading_of(path: str) -> str:
    """The last part of a passage's heading path."""
    return path.rsplit(" > ", 1)[-1]
