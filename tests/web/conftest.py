"""A console over a real store, without a model: what the web tests share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.app import create_app
from server.config import Settings
from server.knowledge.ingest import Ingestion
from server.prompt import PROMPT_VERSION
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.services import Services
from server.store import Store, open_store
from server.store.adapters import Adapter
from server.store.assistants import Assistant
from server.store.conversations import Answered, Turn
from server.store.database import new_id, now
from server.web.passwords import hash_password
from tests.speaking import WordEmbedder

PASSWORD = "correct horse battery"
ROLES = ("viewer", "reviewer", "owner")


@dataclass
class FakeJobs:
    """Stands for DBOS: remembers what was queued and cancelled."""

    queued: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def enqueue(self, queue: str, workflow: str, *args: str, workflow_id: str) -> None:
        self.queued.append((queue, workflow, args))

    def cancel(self, workflow_id: str) -> None:
        self.cancelled.append(workflow_id)


class FakeVectors:
    """Stands for Chroma: there is nothing to remove."""

    def remove(self, assistant_id: str, ids: list[str]) -> None:
        pass


@dataclass
class World:
    """An application with one assistant and one person of each role."""

    app: Flask
    store: Store
    jobs: FakeJobs
    services: Services
    assistant: Assistant

    def client(self, role: str | None = None) -> Browser:
        """A browser, signed in as the person of a role."""
        browser = Browser(self.app.test_client())
        if role is not None:
            person = self.store.people.by_email(f"{role}@example.org")
            assert person is not None
            with browser.http.session_transaction() as session:
                session["person"] = person.session_token
        return browser

    def turn(self, question: str = "May I return it?", reply: str = "Yes.", **values: Any) -> Turn:
        """A finished turn in a conversation of its own."""
        conversation = self.store.conversations.start(
            self.assistant.id,
            visitor_id=values.pop("visitor_id", "v"),
            token_hash="h",
            page_url=values.pop("page_url", "https://www.example.org/help"),
        )
        turn, _ = self.store.conversations.open_turn(conversation, question, idempotency_key=None)
        answered: dict[str, Any] = {
            "status": "complete",
            "label": "supported",
            "reply": reply,
            "draft": reply,
            "evidence": [],
            "citations": [],
            "prompt_version": PROMPT_VERSION,
            "messages": [],
            "adapter": None,
            "timings": {"total": 3.0},
        }
        self.store.conversations.finish_turn(turn.id, Answered(**answered | values))
        return self.store.conversations.turn(turn.id)

    def adapter(self, *, passed: bool = True, **metrics: Any) -> Adapter:
        """A finished run with the adapter that it made; `report`: more of its report."""
        report = metrics.pop("report", {})
        run = self.store.runs.ask(self.assistant.id, config={}, requested_by="test")
        gate = {"passed": passed, "reasons": [] if passed else ["Facts right fell too far."]}
        self.store.runs.end(
            run.id, "passed" if passed else "refused", metrics=metrics | {"gate": gate}
        )
        made = Adapter(
            seq=0,
            id=new_id("adp"),
            assistant_id=self.assistant.id,
            run_id=run.id,
            digest=run.id,
            base_sha256="b",
            prompt_version=PROMPT_VERSION,
            path="adapters/x",
            manifest={},
            report={"gate": gate, **report},
            passed=passed,
            created_at=now(),
        )
        return self.store.adapters.register(made)


@dataclass
class Browser:
    """A test client that sends the CSRF token as the console's forms do."""

    http: FlaskClient

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.http.get(path, **kwargs)

    def token(self) -> str:
        page = self.http.get("/console/account").text
        found = re.search(r'name="csrf_token" value="(\w+)"', page) or re.search(
            r'name="csrf_token" value="(\w+)"', self.http.get("/console/sign-in").text
        )
        assert found is not None
        return found[1]

    def post(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        return self.http.post(path, data={"csrf_token": self.token(), **(data or {})}, **kwargs)


@pytest.fixture(scope="session")
def hashed() -> str:
    """The hash of PASSWORD; making one is slow on purpose."""
    return hash_password(PASSWORD)


@pytest.fixture
def make_world(tmp_path: Path, hashed: str) -> Iterator[Callable[..., World]]:
    """Build a World; keyword arguments are settings."""
    opened: list[Store] = []

    def make(**chosen: Any) -> World:
        settings = Settings(home=tmp_path, **chosen)
        store = open_store(settings.database)
        opened.append(store)
        jobs, absent = FakeJobs(), cast(Any, None)
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
        for role in ROLES:
            store.people.add(f"{role}@example.org", role=role, password_hash=hashed)
        assistant = store.assistants.create("Acme Help", key="acme")
        return World(create_app(services), store, jobs, services, assistant)

    yield make
    for store in opened:
        store.database.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
