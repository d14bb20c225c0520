"""One reply in the making, as its reader sees it and as the engine's driver fills it."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from server.errors import AppError

FinishReason = Literal["stop", "length", "repetition", "cancelled", "error"]


@dataclass(frozen=True, slots=True)
class GenerationParams:
    """How one reply is generated; greedy unless a temperature is given."""

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()
    stop_on_repeat: bool = True
    ignore_eos: bool = False


@dataclass(slots=True)
class Timings:
    """Seconds since the request was made; None until it happened."""

    queued: float | None = None
    first_token: float | None = None
    total: float | None = None


class Generation:
    """One reply in the making: iterate for its text, `cancel` to stop it.

    Leaving the iteration early cancels as well. A failed generation raises from the iteration.
    """

    def __init__(self, prompt: Sequence[int], params: GenerationParams) -> None:
        self.prompt = tuple(prompt)
        self.params = params
        self.finish_reason: FinishReason | None = None
        self.completion_tokens = 0
        self.timings = Timings()
        self._started = time.monotonic()
        self._cancelled = threading.Event()
        self._pieces: queue.SimpleQueue[str | AppError | None] = queue.SimpleQueue()

    @property
    def prompt_tokens(self) -> int:
        return len(self.prompt)

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop generating; text already queued can still be read."""
        self._cancelled.set()

    def text(self) -> str:
        """Wait for the end and return the whole reply."""
        return "".join(self)

    def __iter__(self) -> Iterator[str]:
        try:
            while (piece := self._pieces.get()) is not None:
                if isinstance(piece, AppError):
                    raise piece
                yield piece
        finally:
            self.cancel()

    # What follows is the driver's side.
    def mark_admitted(self) -> None:
        self.timings.queued = self._elapsed()

    def put(self, text: str, tokens: int) -> None:
        if self.timings.first_token is None:
            self.timings.first_token = self._elapsed()
        self.completion_tokens += tokens
        if text:
            self._pieces.put(text)

    def end(self, reason: FinishReason, fault: AppError | None = None) -> None:
        if self.finish_reason is not None:
            return
        self.timings.total = self._elapsed()
        self.finish_reason = reason
        self._pieces.put(fault)
        if fault is not None:
            self._pieces.put(None)

    def _elapsed(self) -> float:
        return time.monotonic() - self._started
