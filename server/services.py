"""The parts, wired once: store, retrieval, voices, jobs, chat."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from server import jobs
from server.answering.fitting import fit_gate
from server.chat import Chat
from server.checking import asking, running
from server.config import Settings
from server.jobs import Jobs
from server.knowledge import reading
from server.knowledge.ingest import Ingestion
from server.llm.adapters import EngineVoices
from server.llm.checker import Checker
from server.llm.engine import GenerationParams
from server.llm.lora_server import LoraServer
from server.llm.models import Prepared, prepare
from server.llm.promotion import promote, roll_back, start_canary
from server.llm.remote import estimated_room, remote_chat_model
from server.llm.remote_voices import Elsewhere, RemoteVoices
from server.llm.voice import CheckedVoices, FixedVoices, Voices
from server.retrieval.embed import Embedder
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ChromaIndex, VectorIndex
from server.rollout import replaying
from server.rollout.watching import stop_canary
from server.runs import ask_for_run, cancel_run
from server.store import Store, open_store
from server.store.adapters import Activation
from server.store.assistants import Assistant
from server.store.canaries import Canary, Trial
from server.store.check_runs import CheckRun
from server.store.replays import Replay
from server.store.runs import VOICE, Run
from server.versions import check_versions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What the web and the command line work with. Close it after use."""

    settings: Settings
    store: Store
    jobs: Jobs
    vectors: VectorIndex
    retriever: Retriever
    voices: Voices
    ingestion: Ingestion
    chat: Chat
    close_voices: Callable[[], None] = lambda: None

    def ask_for_run(self, assistant: Assistant, *, actor: str, kind: str = VOICE) -> Run:
        """Ask the tuning worker for a run: a row and a queued workflow."""
        config = {} if kind == VOICE else {"kind": kind}
        return ask_for_run(self.store, self.jobs, assistant.id, actor=actor, config=config)

    def cancel_run(self, run_id: str, *, actor: str) -> Run:
        """Stop a run. A closed run is a Conflict."""
        return cancel_run(self.store, run_id, actor=actor)

    def promote(self, adapter_id: str, *, actor: str, expected: str | None = None) -> Activation:
        """Make an adapter that passed the gate the one that answers."""
        return promote(self.store, adapter_id, actor=actor, expected=expected)

    def roll_back(
        self, assistant: Assistant, *, actor: str, expected: str | None = None
    ) -> Activation:
        """Return to what answered before."""
        return roll_back(self.store, assistant.id, actor=actor, expected=expected)

    def start_canary(
        self, adapter_id: str, trial: Trial, *, actor: str, expected: str | None = None
    ) -> Canary:
        """Let an adapter that passed the gate answer a share of the visitors."""
        return start_canary(self.store, adapter_id, trial, actor=actor, expected=expected)

    def stop_canary(self, canary_id: str, *, actor: str) -> Canary:
        """End a canary before its time; nothing else changes."""
        return stop_canary(self.store, canary_id, actor=actor)

    def ask_for_replay(self, adapter_id: str, *, actor: str) -> Replay:
        """Have logged questions answered by a candidate and by what is active."""
        return replaying.ask_for_replay(self.store, self.jobs, adapter_id, actor=actor)

    def cancel_replay(self, replay: Replay, *, actor: str) -> Replay:
        """Stop a replay. A closed one is a Conflict."""
        return replaying.cancel_replay(self.store, self.jobs, replay, actor=actor)

    def ask_for_check_run(self, assistant: Assistant, *, actor: str) -> CheckRun:
        """Have the question list asked; Conflict while a run over it is open."""
        return asking.ask_for_run(self.store, self.jobs, assistant.id, actor=actor)

    def cancel_check_run(self, run: CheckRun, *, actor: str) -> CheckRun:
        """Stop a run over the question list. A closed run is a Conflict."""
        return asking.cancel_run(self.store, self.jobs, run, actor=actor)

    def close(self) -> None:
        """Stop answers and work, then give back models, files and locks."""
        self.chat.close()
        jobs.shut_down()
        self.close_voices()
        self.vectors.close()
        self.store.database.close()


def open_services(
    settings: Settings, *, progress: Callable[[str, float], None] | None = None
) -> Services:
    """Open everything for the one process that serves: it owns Chroma, the engine, the reading."""
    check_versions()
    settings.home.mkdir(parents=True, exist_ok=True)
    vectors = ChromaIndex(settings.home / "chroma")
    try:
        return _open(settings, vectors, prepare(settings.home, settings.model, progress=progress))
    except BaseException:
        vectors.close()
        raise


def _open(settings: Settings, vectors: ChromaIndex, prepared: Prepared) -> Services:
    store = open_store(settings.database)
    if interrupted := store.conversations.interrupt_open_turns():
        log.warning("%d answers were cut short by the last stop", interrupted)
    embedder = Embedder(prepared.embedding, threads=settings.threads)
    retriever = Retriever(store, embedder, vectors)
    for assistant in store.assistants.all():
        vectors.reconcile(store, assistant.id)
    voices, close_voices = _voices(settings, store, prepared)
    jobs.migrate(settings)
    reading.register(
        settings,
        store,
        embedder,
        vectors,
        after=lambda assistant_id: fit_gate(retriever, assistant_id),
    )
    chat = Chat(
        store,
        retriever,
        voices,
        streams=settings.streams,
        longest_question=settings.max_question,
    )
    running.register(running.Checker(store, chat, voices))
    replaying.register(
        replaying.Replayer(store, retriever, voices, is_stopping=lambda: chat.is_closing)
    )
    work = Jobs(settings)
    asking.interrupt_lost_runs(store, work)
    jobs.launch(settings, executor="web", queues=(jobs.INGEST_QUEUE, jobs.CHECKS_QUEUE))
    return Services(
        settings=settings,
        store=store,
        jobs=work,
        vectors=vectors,
        retriever=retriever,
        voices=voices,
        close_voices=close_voices,
        ingestion=Ingestion(settings, store, work),
        chat=chat,
    )


def _voices(
    settings: Settings, store: Store, prepared: Prepared
) -> tuple[Voices, Callable[[], None]]:
    """Who speaks, and how to give it back."""
    # First, so that a wrong path is told before a model is loaded.
    checker = (
        Checker(Path(settings.checker), threads=settings.threads) if settings.checker else None
    )
    voices, close = _speakers(settings, store, prepared)
    return (CheckedVoices(voices, checker) if checker else voices), close


def _speakers(
    settings: Settings, store: Store, prepared: Prepared
) -> tuple[Voices, Callable[[], None]]:
    if settings.model_url:
        return _speakers_elsewhere(settings, store, prepared)
    engine = EngineVoices(
        store,
        settings.home,
        prepared,
        threads=settings.threads,
        max_tokens=settings.max_tokens,
    )
    engine.start()
    return engine, engine.close


def _speakers_elsewhere(
    settings: Settings, store: Store, prepared: Prepared
) -> tuple[Voices, Callable[[], None]]:
    """One model for all, or promoted adapters by name where the server loads them."""
    room = estimated_room(settings.model_context, reply_tokens=settings.max_tokens)

    def model(name: str) -> BaseChatModel:
        return remote_chat_model(
            settings.model_url,
            api_key=settings.model_key,
            model=name,
            params=GenerationParams(max_new_tokens=settings.max_tokens),
        )

    if not settings.model_adapters:
        return FixedVoices(model(settings.model_name), room=room), lambda: None
    server = LoraServer(settings.model_url, api_key=settings.model_key)
    there = Elsewhere(server, model, settings.model_name, settings.model_adapters, room)
    voices = RemoteVoices(store, settings.home, there, base_sha256=prepared.base_sha256)
    voices.start()
    return voices, voices.close
