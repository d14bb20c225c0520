"""A process that reads sources as the web process does, for the tests that kill it.

    python -m tests.knowledge.reading_process HOME PORT [SOURCE]

Opens the store, Chroma and the job system of HOME, reads SOURCE if one is named, and stays up; it
ends on SIGTERM the way the web process does. Only the embedder is a stand-in.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from server import jobs
from server.config import Settings
from server.jobs import INGEST_QUEUE, Jobs
from server.knowledge import reading
from server.knowledge.ingest import Ingestion
from server.retrieval.vectors import ChromaIndex
from server.store import open_store
from tests.speaking import WordEmbedder


def main(home: Path, port: str, *start: str) -> None:
    settings = Settings(home=home, crawl_private=f"127.0.0.1:{port}")
    vectors = ChromaIndex(home / "chroma")
    store = open_store(settings.database)
    for assistant in store.assistants.all():
        vectors.reconcile(store, assistant.id)
    jobs.migrate(settings)
    reading.register(settings, store, WordEmbedder(), vectors)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    jobs.launch(settings, executor="web", queues=(INGEST_QUEUE,))
    for url in start:
        Ingestion(settings, store, Jobs(settings)).add_website(store.assistants.by_key("acme"), url)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    stopping.wait(120)
    jobs.shut_down()
    vectors.close()
    store.database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
