"""The first page: every assistant with its week, and the tag to embed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Response, request

from server.store.adapters import Adapter
from server.store.assistants import Assistant
from server.store.database import now
from server.store.overview import Numbers, Overview
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, show

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Card:
    """One assistant as the first page shows it."""

    assistant: Assistant
    numbers: Numbers
    adapter: Adapter | None
    sources: int
    tag: str


@blueprint.get("/")
@auth.require("viewer")
def home() -> Response:
    assistants = auth.services().store.assistants.all()
    return show("home.html", cards=[_card(assistant) for assistant in assistants])


@blueprint.post("/assistants")
@auth.require("owner")
def create_assistant() -> Response:
    store = auth.services().store
    assistant = store.assistants.create(request.form.get("name", ""))
    store.audit.add(auth.actor(), "assistant.create", assistant.id, name=assistant.name)
    return back_to("sources", key=assistant.key, done="assistant")


@blueprint.get("/<key>", strict_slashes=False)
@auth.require("viewer")
def assistant_home(key: str) -> Response:
    return back_to("conversations", key=assistant_at(key).key)


def embed_tag(assistant: Assistant) -> str:
    """The one tag that a site owner pastes."""
    address = auth.services().settings.url
    return f'<script src="{address}/widget.js" data-assistant="{assistant.key}" async></script>'


def _card(assistant: Assistant) -> Card:
    store = auth.services().store
    return Card(
        assistant=assistant,
        numbers=Overview(store.database).numbers(assistant.id, since=now() - _WEEK),
        adapter=store.adapters.active(assistant.id)[1],
        sources=len(store.knowledge.sources(assistant.id)),
        tag=embed_tag(assistant),
    )
