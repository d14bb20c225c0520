"""Being told to end, more than once and in the middle of being told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from server.signals import stop_signals

# In a process of its own: a hail is no business of the libraries that other tests have loaded.
_HAIL = """
import signal, threading
from server.signals import stop_signals
with stop_signals() as stopping:
    main = threading.main_thread().ident
    def hail():
        for n in range(400):
            signal.pthread_kill(main, (signal.SIGINT, signal.SIGTERM)[n % 2])
    sender = threading.Thread(target=hail)
    sender.start()
    while sender.is_alive():
        stopping.wait(0.001)
    sender.join()
    assert stopping.is_set()
print("ended")
"""


def test_a_signal_ends_the_wait_and_the_old_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as stopping:
        assert not stopping.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.wait(5) and stopping.is_set()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_hail_of_signals_does_not_wait_for_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HAIL], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "ended\n", done.stderr
