"""Voices on a vLLM server: a promoted adapter is loaded there by its digest, and answers by name.

What EngineVoices does with engines is done here with names: promotions are rows that are followed,
the name moves in one step, and what a roll back returns to stays loaded. Canaries and replays need
the built-in engine, and there are no probes: other arithmetic gives other bytes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from server.errors import AppError, Invalid, Unavailable
from server.llm.folders import file_sha256
from server.llm.lora_server import LoraServer
from server.llm.voice import Voice
from server.llm.warm import check_made_for
from server.periodic import Periodic
from server.prompt import Room
from server.store import Store
from server.store.adapters import Activation, Adapter
from server.store.database import now

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
_AGAIN_SECONDS = 30.0
_FOLDER = "adapter"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The server and what it serves: `model` gives the chat model of a name, `base` is the name of
    its own one, `home` where it sees our home folder, `room` what its models hold."""

    server: LoraServer
    model: Callable[[str], BaseChatModel]
    base: str
    home: str
    room: Room


class RemoteVoices(Periodic):
    """The voices of all assistants; without a promoted adapter the server's own model answers."""

    def __init__(self, store: Store, home: Path, elsewhere: Elsewhere, *, base_sha256: str) -> None:
        super().__init__("remote voices", _POLL_SECONDS)
        self._store = store
        self._home = home
        self._there = elsewhere
        self._base_sha256 = base_sha256
        self._base = Voice(elsewhere.model(elsewhere.base), room=elsewhere.room)
        self._loaded: dict[str, Voice] = {}
        self._serving: dict[str, Voice] = {}
        self._seen: dict[str, str] = {}
        self._again: dict[str, float] = {}

    def start(self) -> None:
        """Load what is active, and what a roll back would return to; then follow promotions."""
        self.look()
        for assistant_id in self._seen:
            try:
                if earlier := self._store.adapters.way_back(assistant_id):
                    self._load(earlier)
            except AppError as error:
                log.warning("the way back of %s is not loaded: %s", assistant_id, error)
        super().start()

    def close(self) -> None:
        super().close()
        self._there.server.close()

    def voice(self, assistant_id: str, visitor_id: str | None = None) -> Voice:
        """Who speaks for an assistant now; a reply keeps the voice that it began with."""
        return self._serving.get(assistant_id, self._base)

    def look(self) -> None:
        for assistant_id, activation in self._store.adapters.in_force().items():
            is_new = self._seen.get(assistant_id) != activation.id
            if is_new or time.monotonic() >= self._again.get(assistant_id, float("inf")):
                self._seen[assistant_id] = activation.id
                self._serve(activation, is_new=is_new)

    def _serve(self, activation: Activation, *, is_new: bool) -> None:
        """Load and swap, and say so; what cannot be loaded leaves the present voice as it is."""
        began = activation.created_at if is_new else now()
        self._again.pop(activation.assistant_id, None)
        try:
            voice = self._voice_of(activation.adapter_id)
        except AppError as error:
            log.error("adapter %s cannot be served: %s", activation.adapter_id, error)
            if isinstance(error, Unavailable):
                self._again[activation.assistant_id] = time.monotonic() + _AGAIN_SECONDS
            if is_new:
                self._report(activation, None, began, error=str(error))
            return
        self._serving[activation.assistant_id] = voice
        self._report(activation, voice, began)
        self._give_up_idle()

    def _voice_of(self, adapter_id: str | None) -> Voice:
        return self._load(self._store.adapters.adapter(adapter_id)) if adapter_id else self._base

    def _load(self, adapter: Adapter) -> Voice:
        """The adapter's voice, loaded now if it is not yet; Invalid if it must not be served."""
        if (known := self._loaded.get(adapter.digest)) is not None:
            return known
        check_peft(adapter, self._home / adapter.path, base_sha256=self._base_sha256)
        path = f"{self._there.home.rstrip('/')}/{adapter.path}/{_FOLDER}"
        self._there.server.load(adapter.digest, path)
        words = frozenset(str(w) for w in adapter.manifest.get("voice_words", []))
        model = self._there.model(adapter.digest)
        voice = self._loaded[adapter.digest] = Voice(model, adapter.digest, words, self._there.room)
        return voice

    def _give_up_idle(self) -> None:
        """Unload what answers nobody and is no way back."""
        backs = [self._store.adapters.way_back(assistant_id) for assistant_id in self._serving]
        needed = {voice.digest for voice in self._serving.values()}
        needed |= {back.digest for back in backs if back}
        for digest in [digest for digest in self._loaded if digest not in needed]:
            del self._loaded[digest]
            try:
                self._there.server.unload(digest)
            except AppError as error:
                log.warning("adapter %s stays loaded: %s", digest, error)

    def _report(
        self, activation: Activation, voice: Voice | None, began: datetime, *, error: str = ""
    ) -> None:
        self._store.adapters.report_serving(
            activation.assistant_id,
            activation_id=activation.id,
            digest=voice.digest if voice else None,
            ok=voice is not None,
            probes={},
            milliseconds=max(0, round((now() - began).total_seconds() * 1000)),
            error=error,
        )


def check_peft(adapter: Adapter, folder: Path, *, base_sha256: str) -> None:
    """Raise Invalid if an adapter's PEFT folder is not the one that was made for this base."""
    check_made_for(adapter, base_sha256)
    listed: dict[str, str] = adapter.manifest.get("files", {})
    files = {name: sha256 for name, sha256 in listed.items() if name.startswith(f"{_FOLDER}/")}
    if f"{_FOLDER}/adapter_config.json" not in files:
        raise Invalid(
            f"Adapter {adapter.id} is no LoRA adapter.",
            hint="A model server takes LoRA only: tune again without full training.",
        )
    for name, sha256 in files.items():
        if not (folder / name).is_file() or file_sha256(folder / name) != sha256:
            raise Invalid(
                f"The files of adapter {adapter.id} are missing or have changed.",
                hint="It is not served; restore them from a backup or run the tuning again.",
            )
