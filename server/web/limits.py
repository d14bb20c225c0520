"""How often one address may ask: a sliding window in memory, for the one web process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from math import ceil

from server.errors import AppError

_MOST_KEYS = 20_000


class TooManyRequests(AppError):
    """The limit of this address is used up; `seconds` says when to come back."""

    code = "too_many_requests"
    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__("That was a lot at once.", hint=f"Try again in {seconds} seconds.")
        self.seconds = seconds


class Limit:
    """At most `count` events in any `window` seconds for each key."""

    def __init__(self, count: int, *, window: float = 60.0) -> None:
        self._count = count
        self._window = window
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()
        self._guard = threading.Lock()

    def hit(self, key: str) -> None:
        """Count one event; TooManyRequests if it is over the limit."""
        moment = time.monotonic()
        with self._guard:
            times = self._seen.setdefault(key, deque())
            self._seen.move_to_end(key)
            while times and times[0] <= moment - self._window:
                times.popleft()
            if len(times) >= self._count:
                oldest = times[0] if times else moment  # a limit of 0 lets nobody in
                raise TooManyRequests(max(1, ceil(oldest + self._window - moment)))
            times.append(moment)
            while len(self._seen) > _MOST_KEYS:
                self._seen.popitem(last=False)
