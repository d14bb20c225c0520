"""The private API of learning: topics, gaps and source usage of a period, and names of topics."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from server.errors import Invalid
from server.learn.rows import GapRow, TopicRow, gap_rows, topic_rows
from server.learn.sources import usage
from server.store.database import first_day
from server.store.learnt import Used
from server.web import auth
from server.web.admin_api import body_object
from server.web.console.learn import chosen_days

blueprint = Blueprint("admin_learn", __name__, url_prefix="/api/v1/admin")
blueprint.before_request(auth.protect)


@blueprint.get("/assistants/<key>/learn")
@auth.require("viewer")
def show_learnt(key: str) -> ResponseReturnValue:
    """What the Learn page shows: `days` is 7, 30 (the default), 90, or 0 for all time."""
    store, days = auth.services().store, chosen_days()
    assistant, since = store.assistants.by_key(key), first_day(days)
    questions, bad = store.learnt.totals(assistant.id, since=since)
    used = usage(store, assistant.id, since=since)
    sources = [
        {"source": u.source.id, "location": u.source.location} | _cited(u.conversations, u.bad)
        for u in used.sources
    ]
    return jsonify(
        days=days,
        questions=questions,
        unanswered=bad,
        topics=[_topic(row) for row in topic_rows(store, assistant, since=since)],
        gaps=[_gap(row) for row in gap_rows(store, assistant, since=since)],
        sources=sources,
        pages=[_page(page) for page in used.pages],
        worst=[_page(page) for page in used.worst],
        never_cited=used.unused,
    )


@blueprint.patch("/assistants/<key>/topics/<topic_id>")
@auth.require("reviewer")
def name_topic(key: str, topic_id: str) -> ResponseReturnValue:
    """Give a topic a `name` that stays; an empty one takes that back."""
    store, name = auth.services().store, body_object().get("name")
    if not isinstance(name, str):
        raise Invalid("The name is no text.", hint='Send {"name": "..."} as JSON.')
    assistant = store.assistants.by_key(key)
    named = store.topics.rename(assistant.id, topic_id, name, by=auth.actor())
    store.audit.add(auth.actor(), "topic.name", named.id, name=named.name)
    return jsonify(topic=named.id, name=named.name, named_by=named.named_by)


def _topic(row: TopicRow) -> dict[str, Any]:
    return {
        "topic": row.topic.id,
        "name": row.topic.name,
        "named_by": row.topic.named_by,
        "visitors": row.numbers.visitors,
        "conversations": row.numbers.conversations,
        "unanswered": row.numbers.bad,
    }


def _gap(row: GapRow) -> dict[str, Any]:
    return {
        "gap": row.gap.id,
        "question": row.gap.question,
        "visitors": row.numbers.visitors,
        "conversations": row.numbers.conversations,
        "answered": row.is_closed,
        "sections": row.gap.sections,
        "examples": [
            {"question": e.question, "turn": e.turn_id, "reason": e.bad} for e in row.examples
        ],
    }


def _page(page: Used) -> dict[str, Any]:
    named = {"page": page.page_id, "title": page.title, "url": page.url}
    return named | _cited(page.conversations, page.bad)


def _cited(conversations: int, bad: int) -> dict[str, int]:
    return {"conversations": conversations, "disliked_or_wrong": bad}
