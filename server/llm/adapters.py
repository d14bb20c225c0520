"""Which engine answers for which assistant: loading, proving, swapping and going back.

Promotion and rolling back are rows. The serving process watches them, loads the model beside the
running one and moves one pointer; visitors notice nothing. Then the live model answers the probe
set, and the log tells whether these are the replies that were evaluated.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from server.errors import AppError, Invalid, Refused, Unavailable
from server.llm.chat_model import EngineChatModel
from server.llm.engine import Engine, GenerationParams
from server.llm.models import Prepared, file_sha256, verify
from server.llm.voice import Voice
from server.prompt import PROMPT_VERSION, Message, Room
from server.store import Store
from server.store.adapters import Activation, Adapter
from server.store.database import now

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
_KEEP_WARM = 2
PROBE_TOKENS = 48


def promote(
    store: Store, adapter_id: str, *, actor: str, expected: str | None = None
) -> Activation:
    """Make an adapter that passed the gate the one that answers. Refused if it did not pass."""
    adapter = store.adapters.adapter(adapter_id)
    if not adapter.passed:
        reasons = "; ".join(adapter.report.get("gate", {}).get("reasons", [])) or "no reason given"
        raise Refused(f"Adapter {adapter.id} did not pass the gate: {reasons}.")
    if adapter.prompt_version != PROMPT_VERSION:
        raise Refused(
            f"Adapter {adapter.id} was trained on prompt version {adapter.prompt_version}, "
            f"this server speaks {PROMPT_VERSION}.",
            hint="Run the tuning again.",
        )
    activation = store.adapters.activate(
        adapter.assistant_id, adapter.id, reason="promoted", actor=actor, expected=expected
    )
    store.audit.add(actor, "adapter.promote", adapter.id)
    return activation


def roll_back(store: Store, assistant_id: str, *, actor: str) -> Activation:
    """Return to what answered before; the base model if there was nothing."""
    activation = store.adapters.roll_back(assistant_id, actor=actor)
    store.audit.add(actor, "adapter.rollback", activation.adapter_id or "base")
    return activation


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


@dataclass(slots=True)
class _Loaded:
    engine: Engine
    digest: str | None
    words: frozenset[str]
    used: float = field(default_factory=time.monotonic)


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
        self._home = home
        self._prepared = prepared
        self._threads = threads
        self._params = reply_params(max_tokens)
        self._open = open_engine
        self._base = _Loaded(open_engine(prepared.serving, threads=threads), None, frozenset())
        self._tuned: dict[str, _Loaded] = {}
        self._serving: dict[str, _Loaded] = {}
        self._seen: dict[str, str | None] = {}
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
        for loaded in [self._base, *self._tuned.values()]:
            loaded.engine.close()

    def voice(self, assistant_id: str) -> Voice:
        """Who speaks for an assistant now. Moves in one step: a reply has one voice throughout."""
        with self._guard:
            loaded = self._serving.get(assistant_id, self._base)
            loaded.used = time.monotonic()
        if loaded.engine.is_broken:
            raise Unavailable("The model is not available.", hint="Try again in a moment.")
        model = EngineChatModel(engine=loaded.engine, params=self._params)
        return Voice(model, loaded.digest, loaded.words, room_of(loaded.engine, self._params))

    def base_engine(self) -> Engine:
        return self._base.engine

    def _watch(self) -> None:
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

    def _serve(self, assistant_id: str, activation: Activation, began: datetime) -> None:
        """Load, prove, swap, report. What cannot be loaded leaves the present voice as it is."""
        adapter = (
            self._store.adapters.adapter(activation.adapter_id) if activation.adapter_id else None
        )
        try:
            loaded = self._load(adapter) if adapter else self._base
        except Exception as error:
            log.error("adapter %s cannot be served: %s", activation.adapter_id, error)
            why = str(error) if isinstance(error, AppError) else "It could not be loaded."
            self._report(assistant_id, activation, None, {}, began, error=why)
            return
        with self._guard:
            self._serving[assistant_id] = loaded
        waited = _since(began)
        proof, fault = self._prove(assistant_id, loaded, adapter)
        self._report(assistant_id, activation, loaded, proof, began, waited=waited, error=fault)
        self._cool_down()

    def _load(self, adapter: Adapter) -> _Loaded:
        if adapter.digest not in self._tuned:
            folder = self._home / adapter.path
            check_servable(adapter, folder, base_sha256=self._prepared.base_sha256)
            engine = self._open(folder / "ir", threads=self._threads)
            words = frozenset(str(w) for w in adapter.manifest.get("voice_words", []))
            self._tuned[adapter.digest] = _Loaded(engine, adapter.digest, words)
        return self._tuned[adapter.digest]

    def _prove(
        self, assistant_id: str, loaded: _Loaded, adapter: Adapter | None
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
        loaded: _Loaded | None,
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
        """Close tuned engines nobody uses, but for the last few: the way back is warm."""
        with self._guard:
            used = {id(loaded) for loaded in self._serving.values()}
            idle = sorted(
                (d for d, loaded in self._tuned.items() if id(loaded) not in used),
                key=lambda d: self._tuned[d].used,
            )
            gone = [self._tuned.pop(d) for d in idle[: max(0, len(idle) - _KEEP_WARM)]]
        for loaded in gone:
            loaded.engine.close()


def check_servable(adapter: Adapter, folder: Path, *, base_sha256: str) -> None:
    """Raise Invalid if an adapter's files are not the ones that were made for this base."""
    if adapter.base_sha256 != base_sha256:
        raise Invalid(
            f"Adapter {adapter.id} was made for another base model.",
            hint="Set PARLANCE_MODEL to the base it was trained on, or run the tuning again.",
        )
    if adapter.prompt_version != PROMPT_VERSION:
        raise Invalid(f"Adapter {adapter.id} was made for another prompt.", hint="Tune again.")
    merged = folder / "model.gguf"
    if not merged.is_file() or not (folder / "ir" / "manifest.json").is_file():
        raise Invalid(f"The files of adapter {adapter.id} are missing.", hint="Run tuning again.")
    if file_sha256(merged) != adapter.digest or verify(folder / "ir"):
        raise Invalid(
            f"The files of adapter {adapter.id} have changed since it was made.",
            hint="It is not served; restore them from a backup or run the tuning again.",
        )


def _since(began: datetime) -> int:
    return max(0, round((now() - began).total_seconds() * 1000))
