"""The replies that a run would learn from: look, leave one out with a reason, take it back in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from flask import Response, request, url_for

from server.errors import AppError, NotFound
from server.store.assistants import Assistant
from server.store.material import APPROVED, CORRECTED, VOICE, Material, Reply
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, show

_PAGE = 40
_ORIGINS = (CORRECTED, APPROVED, VOICE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A reply in the list. `reason`: why it is left out, None if it is not."""

    reply: Reply
    reason: str | None


@blueprint.get("/<key>/tuning/replies")
@auth.require("viewer")
def replies(key: str) -> Response:
    return _page(assistant_at(key))


@blueprint.post("/<key>/tuning/replies/<origin_id>/leave-out")
@auth.require("reviewer")
def leave_out(key: str, origin_id: str) -> Response:
    """Keep a reply out of the runs to come; the next page offers to undo it."""
    assistant = assistant_at(key)
    _check_its(assistant, origin_id)
    reason = " ".join(request.form.get("reason", "").split()) or "left out in the console"
    verbs = auth.services().store.exclusions
    try:
        verbs.exclude(assistant.id, origin_id, reason=reason, actor=auth.actor())
    except AppError as error:
        return _page(assistant, error=error)
    return back_to("replies", key=key, undo=origin_id)


@blueprint.post("/<key>/tuning/replies/<origin_id>/take-in")
@auth.require("reviewer")
def take_in(key: str, origin_id: str) -> Response:
    assistant = assistant_at(key)
    _check_its(assistant, origin_id)
    try:
        auth.services().store.exclusions.include(assistant.id, origin_id, actor=auth.actor())
    except AppError as error:
        return _page(assistant, error=error)
    return back_to("replies", key=key, done="taken-in")


def _page(assistant: Assistant, *, error: AppError | None = None) -> Response:
    store = auth.services().store
    out = store.exclusions.reasons(assistant.id)
    all_shown = [
        Shown(reply, out.get(reply.subject_id))
        for reply in Material(store.database).replies(assistant.id)
    ]
    text = " ".join(request.args.get("text", "").split())[:200]
    origin = request.args.get("origin", "")
    chosen = [one for one in all_shown if _matches(one, origin, text)]
    page = max(1, request.args.get("page", 1, type=int))
    counts = Counter(one.reply.origin for one in all_shown if one.reason is None)
    return show(
        "replies.html",
        status=error.status if error else 200,
        assistant=assistant,
        error=error,
        rows=chosen[(page - 1) * _PAGE : page * _PAGE],
        found=len(chosen),
        total=len(all_shown),
        counts=[(name, counts[name]) for name in _ORIGINS],
        out=sum(one.reason is not None for one in all_shown),
        origin=origin,
        text=text,
        more=_address(assistant, origin, text, page + 1) if len(chosen) > page * _PAGE else None,
        undo=next((o for o in all_shown if o.reply.origin_id == request.args.get("undo")), None),
    )


def _matches(one: Shown, origin: str, text: str) -> bool:
    if origin == "out" and one.reason is None:
        return False
    if origin in _ORIGINS and (one.reply.origin != origin or one.reason is not None):
        return False
    said = f"{one.reply.question} {one.reply.reply}".casefold()
    return all(word in said for word in text.casefold().split())


def _address(assistant: Assistant, origin: str, text: str, page: int) -> str:
    return url_for(
        "console.replies",
        key=assistant.key,
        origin=origin or None,
        text=text or None,
        page=page,
    )


def _check_its(assistant: Assistant, origin_id: str) -> None:
    found = Material(auth.services().store.database).replies(assistant.id)
    if origin_id not in {reply.origin_id for reply in found}:
        raise NotFound("There is no such reply to learn from.", hint="Reload the list.")
