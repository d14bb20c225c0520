"""Looking at something again and again, in a thread of its own, until told to end."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)


class Periodic:
    """Calls `look` every so many seconds; one that fails is logged and the next one comes.

    `at_once`: the first look is at the start, not after the first pause.
    """

    def __init__(self, name: str, seconds: float, *, at_once: bool = False) -> None:
        self._seconds = seconds
        self._at_once = at_once
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=name, daemon=True)

    def look(self) -> None:
        """What is done each time."""
        raise NotImplementedError

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Wait for a look that is under way, and look no more."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _go_on(self) -> None:
        if self._at_once:
            self._look()
        while not self._closing.wait(self._seconds):
            self._look()

    def _look(self) -> None:
        try:
            self.look()
        except Exception:
            log.exception("a look of %s failed", self._thread.name)
