"""A process that asks question lists as the web process does, for the tests that kill it.

    python -m tests.checking.checking_process HOME SECONDS

Opens the store and the job system of HOME and stays up; each answer takes SECONDS. It ends on
SIGTERM the way the web process does. Only the models are stand-ins.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path

from server import jobs
from server.chat import Chat
from server.checking import asking, running
from server.config import Settings
from server.jobs import CHECKS_QUEUE, Jobs
from server.llm.voice import FixedVoices
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.store import open_store
from tests.speaking import RETURNS, ScriptedModel, WordEmbedder


def main(home: Path, seconds: float) -> None:
    def slowly(_: object) -> list[str]:
        with (home / "asked.log").open("a") as log:
            log.write("asked\n")
        time.sleep(seconds)
        return [" ".join(RETURNS[:2])]

    settings = Settings(home=home)
    store = open_store(settings.database)
    voices = FixedVoices(ScriptedModel(script=slowly))
    chat = Chat(store, Retriever(store, WordEmbedder(), ExactIndex(store)), voices)
    jobs.migrate(settings)
    running.register(running.Checker(store, chat, voices))
    asking.interrupt_lost_runs(store, Jobs(settings))
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    jobs.launch(settings, executor="web", queues=(CHECKS_QUEUE,))
    sys.stdout.write("up\n")
    sys.stdout.flush()
    stopping.wait(120)
    chat.close()
    jobs.shut_down()
    store.database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
