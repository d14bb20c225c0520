"""Being told to end, more than once and in the middle of being told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from server.llm.models import Prepared
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

# OpenVINO gives the compiling thread a stack for signals and unmaps it with the model.
_AFTER_A_MODEL = """
import os, signal, sys
from pathlib import Path
from server.llm.engine import Engine
from server.retrieval.embed import Embedder
from server.signals import stop_signals
engine, embedder = Engine(Path(sys.argv[1])), Embedder(Path(sys.argv[2]))
engine.close()
del engine, embedder
with stop_signals() as stopping:
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopping.wait(5)
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
    assert _said(_HAIL) == "ended\n"


@pytest.mark.model
def test_a_model_that_was_closed_leaves_a_process_that_can_be_told_to_end(
    prepared: Prepared,
) -> None:
    assert _said(_AFTER_A_MODEL, str(prepared.serving), str(prepared.embedding)) == "ended\n"


def _said(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout or done.stderr
