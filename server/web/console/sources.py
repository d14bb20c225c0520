"""Sources: what an assistant answers from; adding, reading again, cancelling, removing."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import Response, request
from werkzeug.datastructures import FileStorage

from server.answering.fitting import fit_soon
from server.errors import AppError, Invalid, NotFound
from server.store.assistants import Assistant
from server.store.frontier import Visit
from server.store.knowledge import Source
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, show

_OPEN = ("queued", "running")
_SHOWN_FAILURES = 50


@dataclass(frozen=True, slots=True)
class Reading:
    """A source as its page shows it: what it holds, how far its reading is, what went wrong."""

    source: Source
    pages: int
    passages: int
    tally: dict[str, int]
    failures: list[Visit]

    @property
    def is_open(self) -> bool:
        return self.source.status in _OPEN

    @property
    def settled(self) -> int:
        return sum(count for status, count in self.tally.items() if status != "waiting")

    @property
    def met(self) -> int:
        return sum(self.tally.values())


@blueprint.get("/<key>/sources")
@auth.require("viewer")
def sources(key: str) -> Response:
    return _page(assistant_at(key))


@blueprint.get("/<key>/sources/<source_id>")
@auth.require("viewer")
def source(key: str, source_id: str) -> Response:
    """One source, as the part of the page that htmx asks for while it is being read."""
    assistant = assistant_at(key)
    found = _source_of(assistant, source_id)
    return show("_source.html", assistant=assistant, reading=_reading(found))


@blueprint.post("/<key>/sources/website")
@auth.require("owner")
def add_website(key: str) -> Response:
    assistant, url = assistant_at(key), request.form.get("url", "").strip()
    try:
        added = auth.services().ingestion.add_website(assistant, url)
    except AppError as error:
        return _page(assistant, wrong=("website", error))
    return _added(assistant, added)


@blueprint.post("/<key>/sources/document")
@auth.require("owner")
def add_document(key: str) -> Response:
    """Keep an uploaded document or FAQ file and read it."""
    assistant, file = assistant_at(key), request.files.get("file")
    try:
        name, body = _upload(file)
        kind = "faq" if request.form.get("kind") == "faq" else "auto"
        added = auth.services().ingestion.add_file(
            assistant, name, body, kind=kind, url=_address(request.form.get("link", ""))
        )
    except AppError as error:
        return _page(assistant, wrong=("document", error))
    return _added(assistant, added)


@blueprint.post("/<key>/sources/faq")
@auth.require("owner")
def add_faq(key: str) -> Response:
    """Keep one question with its answer as a source of its own."""
    assistant, form = assistant_at(key), request.form
    question = " ".join(form.get("question", "").split())
    pair = {"question": question, "answer": form.get("answer", "").strip()}
    try:
        added = auth.services().ingestion.add_file(
            assistant,
            question[:200] or "The question",
            json.dumps([pair]).encode(),
            kind="faq",
            url=_address(form.get("link", "")),
        )
    except AppError as error:
        return _page(assistant, wrong=("faq", error))
    return _added(assistant, added)


@blueprint.post("/<key>/sources/<source_id>/again")
@auth.require("owner")
def read_again(key: str, source_id: str) -> Response:
    found = _source_of(assistant_at(key), source_id)
    auth.services().ingestion.again(found.id)
    auth.services().store.audit.add(auth.actor(), "source.again", found.id, location=found.location)
    return back_to("sources", key=key, done="again")


@blueprint.post("/<key>/sources/<source_id>/cancel")
@auth.require("owner")
def cancel_reading(key: str, source_id: str) -> Response:
    found, parts = _source_of(assistant_at(key), source_id), auth.services()
    parts.ingestion.cancel(found.id)
    fit_soon(parts.retriever, [found.assistant_id])
    parts.store.audit.add(auth.actor(), "source.cancel", found.id)
    return back_to("sources", key=key, done="cancelled")


@blueprint.post("/<key>/sources/<source_id>/remove")
@auth.require("owner")
def remove_source(key: str, source_id: str) -> Response:
    found, parts = _source_of(assistant_at(key), source_id), auth.services()
    parts.ingestion.remove(found.id, parts.vectors)
    fit_soon(parts.retriever, [found.assistant_id])
    parts.store.audit.add(auth.actor(), "source.remove", found.id, location=found.location)
    return back_to("sources", key=key, done="removed")


def _page(assistant: Assistant, *, wrong: tuple[str, AppError] | None = None) -> Response:
    """The list with its forms; `wrong` names the form whose input was refused, and why."""
    found = auth.services().store.knowledge.sources(assistant.id)
    return show(
        "sources.html",
        status=wrong[1].status if wrong else 200,
        assistant=assistant,
        readings=[_reading(one) for one in reversed(found)],
        wrong=dict([wrong]) if wrong else {},
        typed=request.form,
    )


def _added(assistant: Assistant, added: Source) -> Response:
    auth.services().store.audit.add(
        auth.actor(), "source.add", added.id, kind=added.kind, location=added.location
    )
    return back_to("sources", key=assistant.key, done="added")


def _source_of(assistant: Assistant, source_id: str) -> Source:
    found = auth.services().store.knowledge.source(source_id)
    if found.assistant_id != assistant.id:
        raise NotFound(f"There is no source {source_id[:64]!r}.")
    return found


def _reading(found: Source) -> Reading:
    store = auth.services().store
    round = store.frontier.next_round(found.id) - 1
    pages, passages = store.knowledge.count(found.id)
    failures = [] if found.status in _OPEN else store.frontier.failures(found.id, round)
    return Reading(
        source=found,
        pages=pages,
        passages=passages,
        tally=store.frontier.tally(found.id, round),
        failures=failures[:_SHOWN_FAILURES],
    )


def _upload(file: FileStorage | None) -> tuple[str, bytes]:
    if file is None or not file.filename:
        raise Invalid("No file was chosen.", hint="Choose one, then add it.")
    # Only the name's last part is shown and kept; the file itself is stored under an id of ours.
    return file.filename.replace("\\", "/").rsplit("/", 1)[-1], file.read()


def _address(text: str) -> str:
    link = text.strip()
    if link and not link.startswith(("http://", "https://")):
        raise Invalid(f"{link[:80]!r} is not a web address.", hint="Begin it with https://")
    return link
