"""Engines of tuned voices: opened once, kept warm while they answer or are a way back, then closed.

The base model is shared by all assistants and always warm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from server.errors import Invalid
from server.llm.engine import Engine
from server.llm.folders import file_sha256, verify
from server.llm.models import Prepared
from server.prompt import PROMPT_VERSION
from server.store.adapters import Adapter

log = logging.getLogger(__name__)

_KEEP_WARM = 2


@dataclass(slots=True)
class Loaded:
    """An open engine. `digest`: None for the base; `words`: the owner's manner."""

    engine: Engine
    digest: str | None
    words: frozenset[str]
    used: float = field(default_factory=time.monotonic)


class WarmEngines:
    """The engines of one process, for any thread: two that want the same one open it once."""

    def __init__(
        self,
        home: Path,
        prepared: Prepared,
        *,
        threads: int,
        open_engine: Callable[..., Engine],
    ) -> None:
        self._home = home
        self._prepared = prepared
        self._threads = threads
        self._open = open_engine
        self._guard = threading.Lock()
        self._loading = threading.Lock()
        # How many are at work with an engine that answers no visitor, by digest.
        self._held: Counter[str] = Counter()
        self._tuned: dict[str, Loaded] = {}
        self.base = Loaded(open_engine(prepared.serving, threads=threads), None, frozenset())

    def load(self, adapter: Adapter) -> Loaded:
        """The adapter's engine, opened now if cold; Invalid if its files must not be served."""
        with self._loading:
            known = self._tuned.get(adapter.digest)
            if known is not None:
                known.used = time.monotonic()
                return known
            folder = self._home / adapter.path
            check_servable(adapter, folder, base_sha256=self._prepared.base_sha256)
            engine = self._open(folder / "ir", threads=self._threads)
            words = frozenset(str(w) for w in adapter.manifest.get("voice_words", []))
            loaded = Loaded(engine, adapter.digest, words)
            with self._guard:
                self._tuned[adapter.digest] = loaded
        return loaded

    @contextmanager
    def held(self, adapter: Adapter) -> Iterator[Loaded]:
        """The adapter's engine, kept open for as long as the context lasts."""
        with self._guard:
            self._held[adapter.digest] += 1
        try:
            yield self.load(adapter)
        finally:
            with self._guard:
                self._held[adapter.digest] -= 1

    def cool_down(self, answering: Collection[str | None], ways_back: Collection[str]) -> None:
        """Close engines that nobody needs; both arguments are digests.

        All that answer stay, every way back stays, and the last few used beside them.
        """
        with self._guard:
            idle = sorted(
                (d for d in self._tuned if d not in answering and not self._held[d]),
                key=lambda digest: (digest in ways_back, self._tuned[digest].used),
            )
            kept = max(_KEEP_WARM, sum(digest in ways_back for digest in idle))
            gone = [self._tuned.pop(digest) for digest in idle[: max(0, len(idle) - kept)]]
        for loaded in gone:
            loaded.engine.close()

    def close(self) -> None:
        for loaded in [self.base, *self._tuned.values()]:
            loaded.engine.close()


def check_made_for(adapter: Adapter, base_sha256: str) -> None:
    """Raise Invalid if an adapter was made for another base model or another prompt."""
    if adapter.base_sha256 != base_sha256:
        raise Invalid(
            f"Adapter {adapter.id} was made for another base model.",
            hint="Set PARLANCE_MODEL to the base it was trained on, or run the tuning again.",
        )
    if adapter.prompt_version != PROMPT_VERSION:
        raise Invalid(f"Adapter {adapter.id} was made for another prompt.", hint="Tune again.")


def check_servable(adapter: Adapter, folder: Path, *, base_sha256: str) -> None:
    """Raise Invalid if an adapter's files are not the ones that were made for this base."""
    check_made_for(adapter, base_sha256)
    merged = folder / "model.gguf"
    if not merged.is_file() or not (folder / "ir" / "manifest.json").is_file():
        raise Invalid(f"The files of adapter {adapter.id} are missing.", hint="Run tuning again.")
    if file_sha256(merged) != adapter.digest or verify(folder / "ir"):
        raise Invalid(
            f"The files of adapter {adapter.id} have changed since it was made.",
            hint="It is not served; restore them from a backup or run the tuning again.",
        )
