"""Being told to end: SIGINT and SIGTERM become a flag that a process's main loop asks for; and a
stack for signals that stays where it is."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType


class Stopping:
    """Whether this process was told to end."""

    # Not a threading.Event: its lock is not reentrant, and a handler runs in the thread it
    # interrupts. A second signal (a terminal and `make` both send one) would wait for the first.
    def __init__(self) -> None:
        self._told = False

    def is_set(self) -> bool:
        return self._told

    def wait(self, seconds: float) -> bool:
        """Sleep, then say whether it is time to end."""
        if not self._told:
            time.sleep(seconds)
        return self._told

    def tell(self, _signal: int, _frame: FrameType | None) -> None:
        self._told = True


@contextlib.contextmanager
def stop_signals() -> Iterator[Stopping]:
    """Turn SIGINT and SIGTERM into a `Stopping` while the context lasts (main thread only)."""
    stopping = Stopping()
    before = {n: signal.signal(n, stopping.tell) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Stack(ctypes.Structure):
    """stack_t of signal.h."""

    _fields_ = (("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextlib.contextmanager
def same_signal_stack() -> Iterator[None]:
    """Leave this thread's alternate signal stack as it was, whatever is called inside.

    OpenVINO sets one for the thread that compiles a model and unmaps it with the model, but leaves
    it in force: the next signal to that thread, a polite SIGTERM, was a segmentation fault
    (OpenVINO 2026.4, seen with sigaltstack(2) and gdb).
    """
    if sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    before = _Stack()
    libc.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        libc.sigaltstack(ctypes.byref(before), None)
