"""Curated answers: the list with its hits, one answer with its log, adding, editing, switching."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request, url_for

from server.answering.contradictions import contradictions
from server.answering.curated import Approved, CuratedAnswers, Match
from server.errors import AppError, NotFound
from server.store.assistants import Assistant, parse_settings
from server.store.curated import Curated, Hits, Wording
from server.store.faq import Faq
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, show

_SEARCH_FROM = 20
_FIELDS = ("question", "answer", "url", "variants", "turn", "seen")


@dataclass(frozen=True, slots=True)
class Row:
    """A curated answer in the list, with how often it was given."""

    curated: Curated
    hits: Hits


@dataclass(frozen=True, slots=True)
class Tried:
    """What a question that somebody tried comes to: the given answer, or what comes nearest."""

    question: str
    given: Match | None
    nearest: list[Match]


@blueprint.get("/<key>/curated")
@auth.require("viewer")
def curated(key: str) -> Response:
    """The list; a drafted question in the address opens the form with it."""
    assistant, drafted = assistant_at(key), request.args.get("question", "").strip()[:500]
    if not drafted:
        return _page(assistant)
    return _page(assistant, typed=dict.fromkeys(_FIELDS, "") | {"question": drafted})


@blueprint.post("/<key>/curated")
@auth.require("reviewer")
def add_curated(key: str) -> Response:
    """Store an answer; one made from a turn leads back to that turn."""
    assistant, store, typed = assistant_at(key), auth.services().store, _typed()
    turn = None
    if typed["turn"]:
        turn = store.conversations.turn(typed["turn"], assistant_id=assistant.id)
    try:
        made = _answers().add(
            assistant, _wording(typed), author=auth.actor(), turn_id=turn.id if turn else None
        )
    except AppError as error:
        return _page(assistant, typed=typed, error=error)
    store.audit.add(auth.actor(), "curated.add", made.id)
    if turn is None:
        return back_to("curated", key=key, done="curated")
    where = {"key": key, "conversation_id": turn.conversation_id}
    return back_to("conversation", **where, done="curated", _anchor=turn.id)


@blueprint.get("/<key>/curated/<curated_id>")
@auth.require("viewer")
def curated_answer(key: str, curated_id: str) -> Response:
    assistant = assistant_at(key)
    return _answer_page(assistant, _found(assistant, curated_id))


@blueprint.post("/<key>/curated/<curated_id>")
@auth.require("reviewer")
def change_curated(key: str, curated_id: str) -> Response:
    assistant, typed = assistant_at(key), _typed()
    found = _found(assistant, curated_id)
    try:
        _answers().change(found.id, _wording(typed))
    except AppError as error:
        return _answer_page(assistant, found, typed=typed, error=error)
    auth.services().store.audit.add(auth.actor(), "curated.change", found.id)
    return back_to("curated_answer", key=key, curated_id=found.id, done="curated-saved")


@blueprint.post("/<key>/curated/<curated_id>/status")
@auth.require("reviewer")
def switch_curated(key: str, curated_id: str) -> Response:
    """Switch an answer off, which the next page offers to undo, or on again."""
    assistant, store = assistant_at(key), auth.services().store
    found = _found(assistant, curated_id)
    try:
        changed = store.curated.set_status(found.id, request.form.get("status", ""))
    except AppError as error:
        return _answer_page(assistant, found, error=error)
    store.audit.add(auth.actor(), f"curated.{changed.status}", found.id)
    if changed.status == "off":
        return back_to("curated", key=key, off=found.id)
    return back_to("curated", key=key, done="curated-on")


@blueprint.post("/<key>/curated/<curated_id>/remove")
@auth.require("reviewer")
def remove_curated(key: str, curated_id: str) -> Response:
    found = _found(assistant_at(key), curated_id)
    auth.services().store.curated.remove(found.id)
    auth.services().store.audit.add(auth.actor(), "curated.remove", found.id)
    return back_to("curated", key=key, done="curated-removed")


@blueprint.post("/<key>/curated/threshold")
@auth.require("owner")
def set_threshold(key: str) -> Response:
    """Change how alike a question must be to a curated one."""
    assistant, store = assistant_at(key), auth.services().store
    given = {"curated_threshold": request.form.get("threshold", "").strip()}
    try:
        parse_settings(assistant.settings.model_dump() | given)
    except AppError as error:
        return _page(assistant, error=error)
    store.assistants.change(key, given)
    store.audit.add(auth.actor(), "assistant.change", assistant.id, fields=["curated_threshold"])
    return back_to("curated", key=key, done="curated-threshold")


@blueprint.app_template_global()
def has_curated(curated_id: str) -> bool:
    """Whether a curated answer that a turn names is still there."""
    try:
        auth.services().store.curated.get(curated_id)
    except NotFound:
        return False
    return True


def _page(
    assistant: Assistant, *, typed: dict[str, str] | None = None, error: AppError | None = None
) -> Response:
    store, answers = auth.services().store, _answers()
    found, counts = store.curated.all(assistant.id), store.curated.counts(assistant.id)
    text = " ".join(request.args.get("text", "").split())[:200]
    approved = answers.approved(assistant.id)
    return show(
        "curated.html",
        status=error.status if error else 200,
        assistant=assistant,
        rows=[Row(c, counts.get(c.id, Hits(0, None))) for c in found if _holds(c, text)],
        total=len(found),
        searchable=len(found) > _SEARCH_FROM,
        text=text,
        faqs=sum(a.kind == "faq" for a in approved),
        contradictions=contradictions(approved, answers.answers(assistant.id)),
        place_of=lambda one: _place(assistant, one),
        tried=_tried(assistant, answers),
        undo=next((c for c in found if c.id == request.args.get("off")), None),
        adding=typed is not None,
        typed=typed or dict.fromkeys(_FIELDS, ""),
        error=error,
    )


def _answer_page(
    assistant: Assistant,
    found: Curated,
    *,
    typed: dict[str, str] | None = None,
    error: AppError | None = None,
) -> Response:
    store = auth.services().store
    stored = {name: getattr(found, name) for name in ("question", "answer", "url")}
    stored |= {"variants": "\n".join(found.variants), "seen": found.updated_at.isoformat()}
    origin = store.conversations.turn(found.turn_id) if found.turn_id else None
    return show(
        "curated_answer.html",
        status=error.status if error else 200,
        assistant=assistant,
        curated=found,
        hits=store.curated.hits(found.id),
        count=store.curated.counts(assistant.id).get(found.id, Hits(0, None)).count,
        origin=origin,
        typed=typed or stored,
        error=error,
    )


def _tried(assistant: Assistant, answers: CuratedAnswers) -> Tried | None:
    question = " ".join(request.args.get("try", "").split())[:500]
    if not question:
        return None
    given = answers.match(assistant, question)
    return Tried(question, given, answers.nearest(assistant, question))


def _place(assistant: Assistant, one: Approved | Match) -> str:
    """Where an approved answer is looked after: its own page, or the source it stands in."""
    if one.kind == "curated":
        return url_for("console.curated_answer", key=assistant.key, curated_id=one.id)
    source = Faq(auth.services().store.database).source_of(one.id)
    return url_for("console.sources", key=assistant.key, _anchor=source)


def _found(assistant: Assistant, curated_id: str) -> Curated:
    return auth.services().store.curated.get(curated_id, assistant_id=assistant.id)


def _answers() -> CuratedAnswers:
    return CuratedAnswers(auth.services().store, auth.services().retriever)


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "").replace("\r\n", "\n") for name in _FIELDS}


def _wording(typed: dict[str, str]) -> Wording:
    variants = typed["variants"].split("\n")
    seen = typed["seen"] or None
    return Wording(typed["question"], typed["answer"], typed["url"], variants, seen=seen)


def _holds(found: Curated, text: str) -> bool:
    said = " ".join([*found.wordings, found.answer]).casefold()
    return all(word in said for word in text.casefold().split())
