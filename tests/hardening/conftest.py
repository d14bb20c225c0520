"""A talk whose model is scripted, one on the real model, and a machine without a network."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from server.llm.adapters import reply_params
from server.llm.chat_model import EngineChatModel
from server.llm.engine import Engine
from server.llm.models import Prepared
from server.retrieval.embed import Embedder
from server.store import Store
from tests.speaking import Talk


@pytest.fixture
def talk(sqlite_store: Store) -> Iterator[Talk]:
    opened = Talk(sqlite_store)
    yield opened
    opened.chat.close()


@pytest.fixture(scope="session")
def embedder(prepared: Prepared) -> Embedder:
    return Embedder(prepared.embedding)


@pytest.fixture(scope="module")
def engine(prepared: Prepared) -> Iterator[Engine]:
    opened = Engine(prepared.serving)
    yield opened
    opened.close()


@pytest.fixture
def real_talk(sqlite_store: Store, engine: Engine, embedder: Embedder) -> Iterator[Talk]:
    model = EngineChatModel(engine=engine, params=reply_params(160))
    opened = Talk(sqlite_store, model=model, embedder=embedder)
    yield opened
    opened.chat.close()


def cut_off() -> list[str]:
    """What to put before a command to run it where loopback is all there is; nothing where the
    system forbids that, and then only Python's own connections can be refused."""
    alone = ["unshare", "--map-root-user", "--net"]
    inside = [*alone, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    try:
        works = subprocess.run([*inside, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        works = False
    return inside if works else []
