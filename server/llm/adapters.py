"""Which engine answers for which assistant: loading, proving, swapping and going back.

Promotion, rolling back and canaries are rows (`server.llm.promotion`). The serving process watches
them, loads the model beside the running one and moves one pointer; visitors notice nothing. Then
the live model answers the probe set, and the log tells whether these are the replies that were
evaluated.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from server.errors import AppError, Unavailable
from server.llm.chat_model import EngineChatModel
from server.llm.engine import Engine, GenerationParams
from server.llm.models import Prepared
from server.llm.voice import Voice
from server.llm.warm import Loaded, WarmEngines
from server.llm.warm import check_servable as check_servable
from server.prompt import Message, Room
from server.store import Store
from server.store.adapters import Activation, Adapter
from server.store.canaries import Canary
from server.store.database import now

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
PROBE_TOKENS = 48


def reply_params(max_tokens: int) -> GenerationParams:
    """How every reply is generated, to visitors and in the evaluation of an adapter alike."""
    return GenerationParams(max_new_tokens=max_tokens, repetition_penalty=1.05)


def room_of(engine: Engine, params: GenerationParams) -> Room:
    """What an engine holds beside the longest reply, counted by its own tokenizer."""

    def count(messages: Sequence[Message]) -> int:
        chat = [{"role": m["role"], "content": m["content"]} for m in messages]
        return len(engine.encode_chat(chat))

    return Room(tokens=engine.context_length - params.max_new_tokens, count=count)


def probe(engine: Engine, prompts: Sequence[Sequence[dict[str, str]]]) -> list[str]:
    """An engine's replies to the probe set: greedy and short, so the same weights give the same
    bytes."""
    params = GenerationParams(max_new_tokens=PROBE_TOKENS)
    return [engine.generate(engine.encode_chat(p), params).text() for p in prompts]


@dataclass(frozen=True, slots=True)
class Probes:
    """The probe set of an adapter and the replies to it, by digest ("base" for the base model)."""

    prompts: list[list[dict[str, str]]]
    replies: dict[str, list[str]]

    @classmethod
    def of(cls, adapter: Adapter) -> Probes:
        kept = adapter.report.get("probes", {})
        return cls(
            prompts=kept.get("prompts", []),
            replies={"base": kept.get("base", []), adapter.digest: kept.get("candidate", [])},
        )


@dataclass(frozen=True, slots=True)
class _OnTrial:
    """A canary with its candidate's engine."""

    canary: Canary
    loaded: Loaded


class EngineVoices:
    """The voices of all assistants in this process; the base model is shared and always warm."""

    def __init__(
        self,
        store: Store,
        home: Path,
        prepared: Prepared,
        *,
        threads: int = 0,
        max_tokens: int = 160,
        open_engine: Callable[..., Engine] = Engine,
    ) -> None:
        self._store = store
        self._params = reply_params(max_tokens)
        self._warm = WarmEngines(home, prepared, threads=threads, open_engine=open_engine)
        self._serving: dict[str, Loaded] = {}
        self._trials: dict[str, _OnTrial] = {}
        self._seen: dict[str, str] = {}
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="voices", daemon=True)

    def start(self) -> None:
        """Load what is active now, then follow promotions and rollbacks."""
        self._follow(starting=True)
        self._watcher.start()

    def close(self) -> None:
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._warm.close()

    def voice(self, assistant_id: str, visitor_id: str | None = None) -> Voice:
        """Who speaks for an assistant now. Moves in one step: a reply has one voice throughout.

        A visitor whom a canary holds hears its candidate, from the first turn to the last.
        """
        with self._guard:
            loaded = self._heard_by(assistant_id, visitor_id)
            loaded.used = time.monotonic()
        return self._voice(loaded)

    def _voice(self, loaded: Loaded) -> Voice:
        if loaded.engine.is_broken:
            raise Unavailable("The model is not available.", hint="Try again in a moment.")
        model = EngineChatModel(engine=loaded.engine, params=self._params)
        return Voice(model, loaded.digest, loaded.words, room_of(loaded.engine, self._params))

    @contextmanager
    def candidate(self, adapter_id: str) -> Iterator[Voice]:
        """The voice of an adapter that answers nobody yet; Invalid if it must not be served."""
        with self._warm.held(self._store.adapters.adapter(adapter_id)) as loaded:
            yield self._voice(loaded)

    def base_engine(self) -> Engine:
        return self._warm.base.engine

    def _heard_by(self, assistant_id: str, visitor_id: str | None) -> Loaded:
        active = self._serving.get(assistant_id, self._warm.base)
        trial = self._trials.get(assistant_id)
        if trial is None or visitor_id is None or not trial.canary.holds(visitor_id):
            return active
        # A trial must never cost a visitor the answer.
        return active if trial.loaded.engine.is_broken else trial.loaded

    def _watch(self) -> None:
        self._warm_ways_back()
        while not self._closing.wait(_POLL_SECONDS):
            try:
                self._follow()
            except Exception:
                log.exception("following promotions failed")

    def _follow(self, *, starting: bool = False) -> None:
        for assistant_id, activation in self._store.adapters.in_force().items():
            if self._seen.get(assistant_id) != activation.id:
                self._seen[assistant_id] = activation.id
                began = now() if starting else activation.created_at
                self._serve(assistant_id, activation, began)
        self._follow_canaries()

    def _follow_canaries(self) -> None:
        running = self._store.canaries.running()
        going = {canary.id for canary in running.values()}
        ended = [a for a, trial in self._trials.items() if trial.canary.id not in going]
        with self._guard:
            for assistant_id in ended:
                del self._trials[assistant_id]
        for canary in running.values():
            # One that could not be loaded is not tried again: its judge ends it.
            if canary.assistant_id not in self._trials and canary.served.get("ok") is not False:
                self._try_out(canary)
        if ended:
            self._cool_down()

    def _try_out(self, canary: Canary) -> None:
        """Load a candidate, prove it, and let its visitors hear it; say what came of it."""
        began = now()
        try:
            adapter = self._store.adapters.adapter(canary.adapter_id)
            loaded = self._warm.load(adapter)
            proof, fault = self._prove(canary.assistant_id, loaded, adapter)
        except Exception as error:
            log.error("canary %s cannot be served: %s", canary.id, error)
            why = str(error) if isinstance(error, AppError) else "It could not be loaded."
            self._store.canaries.note(canary.id, served={"ok": False, "error": why})
            return
        if not fault and proof.get("equal") is False:
            fault = "Its replies to the probe set are not those that were evaluated."
        if fault:
            self._store.canaries.note(canary.id, served={"ok": False, "error": fault})
            return
        with self._guard:
            self._trials[canary.assistant_id] = _OnTrial(canary, loaded)
        served = {"ok": True, "milliseconds": _since(began), "error": ""}
        # After a restart it goes on: its turns count from the first moment on.
        since = canary.served.get("at") or now().isoformat()
        self._store.canaries.note(canary.id, served=served | {"at": since})

    def _warm_ways_back(self) -> None:
        """After a start: open what a roll back would return to, so that it takes no second."""
        for assistant_id in self._store.adapters.in_force():
            try:
                if earlier := self._store.adapters.way_back(assistant_id):
                    self._warm.load(earlier)
            except Exception as error:
                log.warning("the way back of %s is cold: %s", assistant_id, error)

    def _serve(self, assistant_id: str, activation: Activation, began: datetime) -> None:
        """Load, prove, swap, report. What cannot be loaded leaves the present voice as it is."""
        adapter = (
            self._store.adapters.adapter(activation.adapter_id) if activation.adapter_id else None
        )
        try:
            loaded = self._warm.load(adapter) if adapter else self._warm.base
        except Exception as error:
            log.error("adapter %s cannot be served: %s", activation.adapter_id, error)
            why = str(error) if isinstance(error, AppError) else "It could not be loaded."
            self._report(assistant_id, activation, None, {}, began, error=why)
            self._fall_back(assistant_id)
            return
        with self._guard:
            self._serving[assistant_id] = loaded
        waited = _since(began)
        proof, fault = self._prove(assistant_id, loaded, adapter)
        self._report(assistant_id, activation, loaded, proof, began, waited=waited, error=fault)
        self._cool_down()

    def _fall_back(self, assistant_id: str) -> None:
        """At a start there is no present voice to keep: the last good one answers, if any is."""
        if assistant_id in self._serving:
            return
        try:
            earlier = self._store.adapters.way_back(assistant_id)
            loaded = self._warm.load(earlier) if earlier else self._warm.base
        except Exception as error:
            log.error("the base model answers, the voice before cannot be served either: %s", error)
            return
        with self._guard:
            self._serving[assistant_id] = loaded

    def _prove(
        self, assistant_id: str, loaded: Loaded, adapter: Adapter | None
    ) -> tuple[dict[str, Any], str]:
        """Have the engine answer the probe set; compare with what that model answered before.

        Return the proof and why there is none, if it should be there.
        """
        known = adapter or self._latest_adapter(assistant_id)
        if known is None:
            return {}, ""
        probes = Probes.of(known)
        if not probes.prompts:
            return {}, ""
        try:
            replies = probe(loaded.engine, probes.prompts)
        except AppError as error:
            log.error("adapter %s cannot be proven: %s", known.id, error)
            return {"equal": False, "against": known.id}, str(error)
        expected = probes.replies[loaded.digest or "base"]
        equal = replies == expected
        if not equal:
            log.error("adapter %s: the live replies are not those that were evaluated", known.id)
        return {"replies": replies, "equal": equal, "against": known.id}, ""

    def _latest_adapter(self, assistant_id: str) -> Adapter | None:
        made = self._store.adapters.of_assistant(assistant_id)
        return made[0] if made else None

    def _report(
        self,
        assistant_id: str,
        activation: Activation,
        loaded: Loaded | None,
        proof: dict[str, Any],
        began: datetime,
        *,
        waited: int | None = None,
        error: str = "",
    ) -> None:
        self._store.adapters.report_serving(
            assistant_id,
            activation_id=activation.id,
            digest=loaded.digest if loaded else None,
            ok=loaded is not None and proof.get("equal", True),
            probes=proof,
            milliseconds=_since(began) if waited is None else waited,
            error=error,
        )

    def _cool_down(self) -> None:
        with self._guard:
            answering = {loaded.digest for loaded in self._serving.values()}
            answering |= {trial.loaded.digest for trial in self._trials.values()}
        backs = [self._store.adapters.way_back(assistant_id) for assistant_id in self._serving]
        self._warm.cool_down(answering, {back.digest for back in backs if back})


def _since(began: datetime) -> int:
    return max(0, round((now() - began).total_seconds() * 1000))
