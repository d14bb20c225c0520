"""The private API: what the command line does, for people signed in and for its bearer token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from server.errors import AppError, Invalid, Unavailable
from server.services import Services
from server.store.assistants import Assistant
from server.store.conversations import Filter, Listed, Turn
from server.store.knowledge import Source
from server.store.reviews import Verdict
from server.web import auth

blueprint = Blueprint("admin_api", __name__, url_prefix="/api/v1/admin")
blueprint.before_request(auth.protect)

_PAGE = 500


@blueprint.get("/assistants")
@auth.require("viewer")
def list_assistants() -> ResponseReturnValue:
    return jsonify(assistants=[_told(a) for a in _services().store.assistants.all()])


@blueprint.post("/assistants")
@auth.require("owner")
def create_assistant() -> ResponseReturnValue:
    body = body_object()
    settings = body.get("settings", {})
    if not isinstance(settings, dict):
        raise Invalid("Settings are a JSON object.")
    made = _services().store.assistants.create(
        str(body.get("name", "")), key=body.get("key"), settings=settings
    )
    _services().store.audit.add(auth.actor(), "assistant.create", made.key)
    return jsonify(_told(made)), 201


@blueprint.get("/assistants/<key>")
@auth.require("viewer")
def show_assistant(key: str) -> ResponseReturnValue:
    return jsonify(_told(_assistant(key)))


@blueprint.patch("/assistants/<key>")
@auth.require("owner")
def change_assistant(key: str) -> ResponseReturnValue:
    changed = _services().store.assistants.change(key, body_object())
    _services().store.audit.add(auth.actor(), "assistant.change", key, fields=sorted(body_object()))
    return jsonify(_told(changed))


@blueprint.get("/assistants/<key>/sources")
@auth.require("viewer")
def list_sources(key: str) -> ResponseReturnValue:
    found = _services().store.knowledge.sources(_assistant(key).id)
    return jsonify(sources=[_source(s) for s in found])


@blueprint.post("/assistants/<key>/sources")
@auth.require("owner")
def add_source(key: str) -> ResponseReturnValue:
    assistant, ingestion = _assistant(key), _services().ingestion
    if (upload := request.files.get("file")) is not None:
        source = ingestion.add_file(
            assistant,
            upload.filename or "file",
            upload.read(),
            kind=request.form.get("kind", "auto"),
            url=request.form.get("url", ""),
        )
    else:
        body = body_object()
        source = ingestion.add_website(
            assistant, str(body.get("url", "")), pages=body.get("pages"), depth=body.get("depth")
        )
    _services().store.audit.add(auth.actor(), "source.add", source.id, location=source.location)
    return jsonify(_source(source)), 202


@blueprint.get("/sources/<source_id>")
@auth.require("viewer")
def show_source(source_id: str) -> ResponseReturnValue:
    store = _services().store
    source = store.knowledge.source(source_id)
    pages, passages = store.knowledge.count(source_id)
    return jsonify(_source(source) | {"pages": pages, "passages": passages})


@blueprint.post("/assistants/<key>/ask")
@auth.require("reviewer")
def ask(key: str) -> ResponseReturnValue:
    """Ask as a visitor would, and wait for the whole answer."""
    assistant, body, store = _assistant(key), body_object(), _services().store
    question, given = body.get("question"), body.get("conversation")
    if not isinstance(question, str):
        raise Invalid('The body needs a "question".', hint='Send {"question": "..."} as JSON.')
    conversation = (
        store.conversations.get(assistant.id, str(given))
        if given
        else store.conversations.start(
            assistant.id, visitor_id=auth.actor(), token_hash="", page_url=""
        )
    )
    live = _services().chat.ask(assistant, conversation, question)
    for event in live.follow():
        if event is not None and event.name == "error":
            told = event.data["error"]
            raise Unavailable(told["message"], hint=told["hint"])
    turn = store.conversations.turn(live.turn.id)
    return jsonify(_answer(turn, conversation.id))


@blueprint.get("/assistants/<key>/conversations")
@auth.require("viewer")
def list_conversations(key: str) -> ResponseReturnValue:
    chosen = Filter(
        label=request.args.get("label"),
        feedback=request.args.get("feedback"),
        verdict=request.args.get("verdict"),
        text=request.args.get("text"),
        before=request.args.get("before", type=int),
    )
    found = _services().store.conversations.list(_assistant(key).id, chosen)
    return jsonify(conversations=[_row(c) for c in found])


@blueprint.get("/assistants/<key>/turns")
@auth.require("viewer")
def export_turns(key: str) -> ResponseReturnValue:
    """Every turn with all that went into it, a page at a time (`after` the last seq)."""
    store, assistant = _services().store, _assistant(key)
    after = request.args.get("after", 0, type=int)
    turns = store.conversations.all_turns(assistant.id, after=after, limit=_PAGE)
    feedback = store.conversations.feedback([t.id for t in turns])
    rows = [_row(t) | {"feedback": feedback.get(t.id)} for t in turns]
    return jsonify(turns=rows, next=turns[-1].seq if len(turns) == _PAGE else None)


@blueprint.get("/assistants/<key>/reviews")
@auth.require("viewer")
def export_reviews(key: str) -> ResponseReturnValue:
    found = _services().store.reviews.in_force(_assistant(key).id)
    return jsonify(reviews=[_review(asdict(r)) for r in found])


@blueprint.post("/assistants/<key>/reviews")
@auth.require("reviewer")
def import_reviews(key: str) -> ResponseReturnValue:
    """Record verdicts, all or none: a wrong row is named and nothing is stored."""
    store, assistant = _services().store, _assistant(key)
    judged = list(_verdicts(body_object().get("reviews"), assistant))
    for turn_id, verdict in judged:
        store.reviews.judge(turn_id, verdict, reviewer=auth.actor())
    store.audit.add(auth.actor(), "review.import", key, count=len(judged))
    return jsonify(imported=len(judged))


def _verdicts(rows: Any, assistant: Assistant) -> Iterator[tuple[str, Verdict]]:
    if not isinstance(rows, list):
        raise Invalid('The body needs a list "reviews".')
    for number, row in enumerate(rows, start=1):
        try:
            yield _verdict(row, assistant)
        except AppError as error:
            raise Invalid(f"Row {number}: {error}") from None


def _verdict(row: Any, assistant: Assistant) -> tuple[str, Verdict]:
    if not isinstance(row, dict):
        raise Invalid("It is no JSON object.")
    given = {name: row.get(name) for name in ("turn", "verdict", "fault", "reply", "note")}
    if wrong := [n for n, v in given.items() if not isinstance(v, str | None)]:
        raise Invalid(f"Its {wrong[0]} is no text.")
    turn = _services().store.conversations.turn(given["turn"] or "", assistant_id=assistant.id)
    verdict = Verdict(given["verdict"] or "", given["fault"], given["reply"], given["note"] or "")
    return turn.id, verdict


def _services() -> Services:
    found: Services = current_app.extensions["parlance"]
    return found


def _assistant(key: str) -> Assistant:
    return _services().store.assistants.by_key(key)


def body_object() -> dict[str, Any]:
    """The request's JSON object; Invalid if it is none."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Invalid("The body is not a JSON object.", hint="Send Content-Type: application/json.")
    return body


def _told(assistant: Assistant) -> dict[str, Any]:
    base = _services().settings.url
    return {
        "key": assistant.key,
        "name": assistant.name,
        "settings": assistant.settings.model_dump(),
        "created_at": assistant.created_at.isoformat(),
        "page": f"{base}/a/{assistant.key}",
        "tag": f'<script src="{base}/widget.js" data-assistant="{assistant.key}" async></script>',
    }


def _row(found: Turn | Listed) -> dict[str, Any]:
    """A record as JSON, its times in ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(found).items()
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "source": source.id,
        "kind": source.kind,
        "location": source.location,
        "status": source.status,
        "error": source.error,
        "counts": source.counts,
        "updated_at": source.updated_at.isoformat(),
    }


def _answer(turn: Turn, conversation_id: str) -> dict[str, Any]:
    return {
        "answer": turn.reply,
        "label": turn.label,
        "citations": [
            {name: c[name] for name in ("source", "title", "url", "quote")} for c in turn.citations
        ],
        "adapter": turn.adapter,
        "turn": turn.id,
        "conversation": conversation_id,
        "status": turn.status,
        "timings": turn.timings,
    }


def _review(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("verdict", "fault", "reply", "note", "reviewer")} | {
        "turn": row["turn_id"],
        "created_at": row["created_at"].isoformat(),
    }
