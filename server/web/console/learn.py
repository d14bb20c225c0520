"""The Learn page: what visitors ask, what nobody could tell them, and which content is used."""

from __future__ import annotations

from flask import Response, request

from server.learn.rows import gap_rows, topic_rows
from server.learn.sources import usage
from server.store.database import first_day
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, show

PERIODS = {7: "7 days", 30: "30 days", 90: "90 days", 0: "All time"}
_USUAL = 30


@blueprint.get("/<key>/learn")
@auth.require("viewer")
def learn(key: str) -> Response:
    assistant, store, days = assistant_at(key), auth.services().store, chosen_days()
    since = first_day(days)
    total, bad = store.learnt.totals(assistant.id, since=since)
    return show(
        "learn.html",
        assistant=assistant,
        days=days,
        periods=PERIODS,
        total=total,
        bad=bad,
        topics=topic_rows(store, assistant, since=since),
        gaps=gap_rows(store, assistant, since=since),
        usage=usage(store, assistant.id, since=since),
    )


@blueprint.post("/<key>/learn/<topic_id>/name")
@auth.require("reviewer")
def name_topic(key: str, topic_id: str) -> Response:
    """Give a topic a name that stays; an empty one gives it its question again."""
    assistant, store = assistant_at(key), auth.services().store
    named = store.topics.rename(
        assistant.id, topic_id, request.form.get("name", ""), by=auth.actor()
    )
    store.audit.add(auth.actor(), "topic.name", named.id, name=named.name)
    return back_to("learn", key=key, days=chosen_days(), done="topic-named")


def chosen_days() -> int:
    """The period that the address names; 30 days without one."""
    given = request.args.get("days", type=int)
    return given if given in PERIODS else _USUAL
