"""A serving core on real parts but for the models: scripted words, embeddings counted from words.

What stands in for a model is deterministic, so a test says what the model says and when.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from server.answering.words import content_words
from server.chat import Chat
from server.knowledge.chunks import chunk_blocks
from server.knowledge.pages import Block
from server.knowledge.reading import embed_chunks
from server.llm.voice import FixedVoices
from server.retrieval.hybrid import Embedding, Retriever
from server.retrieval.vectors import DIMENSIONS, ExactIndex, Vector
from server.store import Store
from server.store.assistants import Assistant
from server.store.conversations import Conversation, Turn

Script = Callable[[Sequence[BaseMessage]], Iterable[str]]

SITE = "https://www.acme.example"
RETURNS = (
    "Orders can be returned within 30 days of delivery.",
    "Refunds reach your bank account in five working days.",
    "Opened software cannot be returned.",
)
SHIPPING = (
    "Parcels to Norway take four working days.",
    "Shipping to Norway costs 12 euros for each parcel.",
)
QUESTION = "Can orders be returned?"


class WordEmbedder:
    """Hashes the stems of a text into a unit vector: like texts share words, nothing more."""

    def embed_array(self, texts: Sequence[str]) -> Vector:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in content_words(text) or ["nothing"]:
                digest = blake2b(word.encode("utf-8", "replace"), digest_size=4).digest()
                vectors[row, int.from_bytes(digest, "big") % DIMENSIONS] += 1.0
            vectors[row] /= np.linalg.norm(vectors[row])
        return vectors


class ScriptedModel(BaseChatModel):
    """Says what a script says; `asked` keeps the prompts. A script may wait, or raise."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    script: Script
    asked: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self.asked.append(messages)
        for text in self.script(messages):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))


class Talk:
    """One assistant that knows the Acme pages and speaks as scripted. Change `says` at will."""

    def __init__(
        self,
        store: Store,
        *,
        assistant: Assistant | None = None,
        model: BaseChatModel | None = None,
        embedder: Embedding | None = None,
        **options: Any,
    ) -> None:
        self.store = store
        self.says: Script = lambda _: [" ".join(RETURNS[:2])]
        self.model = ScriptedModel(script=lambda messages: self.says(messages))
        self.embedder: Embedding = embedder or WordEmbedder()
        self.vectors = ExactIndex(store)
        self.retriever = Retriever(store, self.embedder, self.vectors)
        self.voices = FixedVoices(model or self.model)
        self.chat = Chat(store, self.retriever, self.voices, **options)
        self.assistant = assistant or store.assistants.create("Acme Help", key="acme")
        self.learn(f"{SITE}/returns", "Returns", RETURNS)
        self.learn(f"{SITE}/shipping", "Shipping", SHIPPING)

    def learn(self, url: str, title: str, sentences: Sequence[str]) -> None:
        """Store a page of one section."""
        teach(self.store, self.assistant, url, title, sentences, self.embedder)

    def conversation(self, token_hash: str = "h") -> Conversation:
        return self.store.conversations.start(
            self.assistant.id, visitor_id="vis_1", token_hash=token_hash, page_url=""
        )

    def ask(self, question: str = QUESTION, conversation: Conversation | None = None) -> Turn:
        """Ask and wait for the end."""
        live = self.chat.ask(self.assistant, conversation or self.conversation(), question)
        for _ in live.follow():
            pass
        return self.store.conversations.turn(live.turn.id)


def teach(
    store: Store,
    assistant: Assistant,
    url: str,
    title: str,
    sentences: Sequence[str],
    embedder: Embedding,
) -> None:
    source = store.knowledge.add_source(assistant.id, "website", url, {})
    chunks = chunk_blocks((Block(" ".join(sentences), (title,)),))
    store.knowledge.put_page(
        source,
        url=url,
        title=title,
        hash=blake2b(" ".join(sentences).encode()).hexdigest()[:32],
        round=1,
        new_passages=embed_chunks(embedder, chunks),
    )


class Paced:
    """A script that says one piece each time it is let, and `done` once nobody listens."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = pieces
        self._turnstile = threading.Semaphore(0)
        self.said = 0
        self.ended = threading.Event()

    def let(self, count: int) -> None:
        self._turnstile.release(count)

    def __call__(self, _: Sequence[BaseMessage]) -> Iterator[str]:
        try:
            for piece in self._pieces:
                assert self._turnstile.acquire(timeout=20), "nobody let the model go on"
                self.said += 1
                yield piece
        finally:
            self.ended.set()


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that another thread or process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
