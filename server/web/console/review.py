"""Recording a verdict on a turn; nothing a reviewer typed is ever lost."""

from __future__ import annotations

from flask import Response, request

from server.answering.freshness import as_they_stand
from server.errors import Conflict, Invalid
from server.store.assistants import Assistant
from server.store.conversations import Turn
from server.store.reviews import Verdict
from server.web import auth
from server.web.console.conversations import (
    conversation_page,
    judged_turn,
)
from server.web.console.shell import assistant_at, back_to, blueprint, is_htmx, show


@blueprint.post("/<key>/turns/<turn_id>/review")
@auth.require("reviewer")
def judge(key: str, turn_id: str) -> Response:
    """Store a verdict, or show the form again with what was typed and why it was not stored."""
    assistant = assistant_at(key)
    store = auth.services().store
    found = store.conversations.turn(turn_id, assistant_id=assistant.id)
    turn = as_they_stand(store.knowledge, [found])[0]
    try:
        review = store.reviews.judge(
            turn.id, _verdict(), reviewer=auth.actor(), seen=request.form.get("seen", "")
        )
    except (Conflict, Invalid) as error:
        return _again(assistant, turn, error)
    store.audit.add(auth.actor(), "turn.review", turn.id, review=review.id, verdict=review.verdict)
    if is_htmx():
        return show("_turn.html", assistant=assistant, judged=judged_turn(turn), just_judged=True)
    return back_to(
        "conversation",
        key=key,
        conversation_id=turn.conversation_id,
        done="judged",
        _anchor=turn.id,
    )


def _verdict() -> Verdict:
    form = request.form
    if form.get("approve"):
        return Verdict("approved", note=form.get("note", "").strip())
    verdict = form.get("verdict", "")
    reply = form.get("reply", "").replace("\r\n", "\n").strip() if verdict == "corrected" else None
    return Verdict(verdict, form.get("fault") or None, reply, form.get("note", "").strip())


def _again(assistant: Assistant, turn: Turn, error: Conflict | Invalid) -> Response:
    """Show the turn with the newest verdicts beside what the reviewer typed."""
    typed = {name: request.form.get(name, "") for name in ("verdict", "fault", "reply", "note")}
    message = error.message
    if isinstance(error, Conflict):
        message += (
            " Theirs is shown above; what you typed is still here. Save again to overrule it."
        )
    judged = judged_turn(turn, typed=typed, error=message)
    if is_htmx():
        return show("_turn.html", status=error.status, assistant=assistant, judged=judged)
    conversation = auth.services().store.conversations.get(assistant.id, turn.conversation_id)
    return conversation_page(assistant, conversation, instead=judged, status=error.status)
