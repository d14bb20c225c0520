"""`python -m tests.learn.pages [TURNS]`: how long the Learn page takes on a generated store."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
from sqlalchemy import insert

from server.app import create_app
from server.config import Settings
from server.knowledge.ingest import Ingestion
from server.learn.refresh import count_turns, learn
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.services import Services
from server.store import Store, open_store
from server.store.assistants import Assistant
from server.store.database import now
from server.store.tables import conversations, feedback, turns
from server.store.topics import TOPIC
from server.web.passwords import hash_password
from tests.learn.wordings import headings, wordings
from tests.speaking import WordEmbedder
from tests.web.conftest import PASSWORD, FakeJobs, FakeVectors, World

_DAYS = 120
_ROUNDS = 20
_SITE = "https://help.example.org"


@dataclass(frozen=True, slots=True)
class Log:
    """What a generated store is filled with."""

    questions: Sequence[str]
    pages: Sequence[tuple[str, str]]


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = made_world(Path(folder))
        fill(world.store, world.assistant, count)
        began = time.monotonic()
        count_turns(world.store, world.services.retriever, world.assistant)
        counted = time.monotonic()
        learn(world.store, world.services.retriever, world.assistant)
        found = time.monotonic() - counted
        _say(f"{count} turns; counted in {counted - began:.1f} s, found in {found:.1f} s\n")
        _say("| page | p50 ms | p95 ms | processor, p50 ms |\n| --- | --- | --- | --- |")
        for name, path in _paths(world):
            _say(f"| {name} | {_timed(world, path)} |")
        world.store.database.close()


def made_world(folder: Path) -> World:
    """A console over a store in a folder, with an owner."""
    settings = Settings(home=folder)
    store, jobs, absent = open_store(settings.database), FakeJobs(), cast(Any, None)
    services = Services(
        settings=settings,
        store=store,
        jobs=cast(Any, jobs),
        vectors=cast(Any, FakeVectors()),
        retriever=Retriever(store, WordEmbedder(), ExactIndex(store)),
        voices=absent,
        ingestion=Ingestion(settings, store, cast(Any, jobs)),
        chat=absent,
    )
    store.people.add("owner@example.org", role="owner", password_hash=hash_password(PASSWORD))
    assistant = store.assistants.create("Acme Help", key="acme")
    return World(create_app(services), store, jobs, services, assistant)


def fill(store: Store, own: Assistant, count: int, *, seed: int = 5) -> None:
    """Log so many turns, two a conversation, over the last months."""
    chance = random.Random(seed)
    log = Log(_questions(chance), _content(store, own))
    talks = [_talk(own, n, chance) for n in range(-(-count // 2))]
    rows = [_turn(own, talks[n // 2], n, log, chance) for n in range(count)]
    thumbs = [
        {"turn_id": row["id"], "value": chance.choice(("up", "down")), "created_at": now()}
        for row in chance.sample(rows, count // 20)
    ]
    with store.database.write() as connection:
        for table, made in ((conversations, talks), (turns, rows), (feedback, thumbs)):
            connection.execute(insert(table), made)


def _questions(chance: random.Random) -> list[str]:
    """Wordings of headings, the first headings more often."""
    own = headings()
    chance.shuffle(own)
    return [said for n, one in enumerate(own) for said in wordings(one, 3 + 400 // (n + 8), chance)]


def _content(store: Store, own: Assistant) -> list[tuple[str, str]]:
    source = store.knowledge.add_source(own.id, "website", _SITE, {})
    for n in range(60):
        url = f"{_SITE}/guide/{n}"
        store.knowledge.put_page(
            source, url=url, title=f"Guide, part {n}", hash=url, round=1, new_passages=[]
        )
    store.knowledge.set_source(source.id, status="ready")
    return [(source.id, page.id) for page in store.knowledge.pages(source.id)]


def _talk(own: Assistant, n: int, chance: random.Random) -> dict[str, Any]:
    return {
        "id": f"cnv_{n}",
        "assistant_id": own.id,
        "visitor_id": f"v{n // 2}",
        "token_hash": "",
        "page_url": f"{_SITE}/",
        "created_at": now() - timedelta(days=chance.triangular(0, _DAYS, 0)),
    }


def _turn(
    own: Assistant, talk: dict[str, Any], n: int, log: Log, chance: random.Random
) -> dict[str, Any]:
    source, page = log.pages[min(int(chance.expovariate(0.1)), 49)]
    label = chance.choices(("supported", "uncertain", "refused"), (75, 10, 15))[0]
    cited = [{"source": source, "page": page, "title": "Guide", "quote": "So."}]
    return {
        "id": f"trn_{n}",
        "assistant_id": own.id,
        "conversation_id": talk["id"],
        "question": chance.choice(log.questions),
        "status": "complete",
        "label": label,
        "evidence": [],
        "messages": [],
        "draft": "So.",
        "reply": "So.",
        "citations": [] if label == "refused" else cited,
        "timings": {},
        "created_at": talk["created_at"],
    }


def _paths(world: World) -> list[tuple[str, str]]:
    topic = world.store.learnt.asked(world.assistant.id, TOPIC, since=0)[0].id
    return [
        ("Learn, 30 days", "/console/acme/learn"),
        ("Learn, all time", "/console/acme/learn?days=0"),
        ("conversations of a topic", f"/console/acme/conversations?topic={topic}&days=30"),
        ("conversations (for comparison)", "/console/acme/conversations"),
    ]


def _timed(world: World, path: str) -> str:
    """Wall clock, and the processor's own time: that one does not count what else runs here."""
    browser, taken, worked = world.client("owner"), [], []
    for _ in range(_ROUNDS):
        began, before = time.perf_counter(), time.process_time()
        assert browser.get(path).status_code == 200
        taken.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - before))
    wall = f"{np.percentile(taken, 50):.0f} | {np.percentile(taken, 95):.0f}"
    return f"{wall} | {np.percentile(worked, 50):.0f}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
