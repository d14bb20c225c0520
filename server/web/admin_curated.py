"""The private API of curated answers: list, add, change, remove, and the log of hits."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from server.answering.contradictions import Contradiction, contradictions
from server.answering.curated import Approved, CuratedAnswers
from server.errors import Invalid
from server.store.curated import Curated, Hits, Wording
from server.web import auth
from server.web.admin_api import body_object

blueprint = Blueprint("admin_curated", __name__, url_prefix="/api/v1/admin")
blueprint.before_request(auth.protect)


@blueprint.get("/assistants/<key>/curated")
@auth.require("viewer")
def list_curated(key: str) -> ResponseReturnValue:
    """Every curated answer with its hits, and which approved answers contradict each other."""
    store, answers = auth.services().store, _answers()
    assistant = store.assistants.by_key(key)
    counts = store.curated.counts(assistant.id)
    found = contradictions(answers.approved(assistant.id), answers.answers(assistant.id))
    return jsonify(
        curated=[_told(c, counts.get(c.id)) for c in store.curated.all(assistant.id)],
        contradictions=[_contradiction(c) for c in found],
        threshold=assistant.settings.curated_threshold,
    )


@blueprint.post("/assistants/<key>/curated")
@auth.require("reviewer")
def add_curated(key: str) -> ResponseReturnValue:
    """Add an approved answer; `turn` names the turn that it was made from."""
    store, body = auth.services().store, body_object()
    assistant, turn_id = store.assistants.by_key(key), body.get("turn")
    if turn_id is not None:
        turn_id = store.conversations.turn(str(turn_id), assistant_id=assistant.id).id
    wording = _wording(body, {"question": "", "answer": "", "url": "", "variants": []})
    made = _answers().add(assistant, wording, author=auth.actor(), turn_id=turn_id)
    store.audit.add(auth.actor(), "curated.add", made.id)
    return jsonify(_told(made)), 201


@blueprint.patch("/curated/<curated_id>")
@auth.require("reviewer")
def change_curated(curated_id: str) -> ResponseReturnValue:
    """Change question, answer, url, variants or status, all or nothing; what is left out stays.

    `seen`: the `updated_at` that the caller knows; if the answer changed since, nothing is written.
    """
    store, body = auth.services().store, body_object()
    found = store.curated.get(curated_id)
    said = {name: getattr(found, name) for name in ("question", "answer", "url", "variants")}
    if unknown := sorted(set(body) - {*said, "status", "seen"}):
        raise Invalid(
            f"A curated answer has no {unknown[0][:32]!r}.", hint=f"Use {', '.join(said)}, status."
        )
    status = str(body["status"]) if "status" in body else None
    seen = None if body.get("seen") is None else str(body["seen"])
    if set(body) & set(said):
        # What is left out was read just now, so it must not have changed since then either.
        seen = seen or found.updated_at.isoformat()
        wording = replace(_wording(body, said), status=status, seen=seen)
        found = _answers().change(curated_id, wording)
    elif status is not None:
        found = store.curated.set_status(curated_id, status, seen=seen)
    store.audit.add(auth.actor(), "curated.change", curated_id, fields=sorted({*body} - {"seen"}))
    return jsonify(_told(found))


@blueprint.delete("/curated/<curated_id>")
@auth.require("reviewer")
def remove_curated(curated_id: str) -> ResponseReturnValue:
    auth.services().store.curated.remove(curated_id)
    auth.services().store.audit.add(auth.actor(), "curated.remove", curated_id)
    return jsonify(removed=curated_id)


@blueprint.get("/curated/<curated_id>/hits")
@auth.require("viewer")
def list_hits(curated_id: str) -> ResponseReturnValue:
    """The newest times that an answer was given."""
    store = auth.services().store
    found = store.curated.hits(store.curated.get(curated_id).id)
    rows = [asdict(hit) | {"created_at": hit.created_at.isoformat()} for hit in found]
    return jsonify(hits=[{n: v for n, v in row.items() if n != "seq"} for row in rows])


def _answers() -> CuratedAnswers:
    return CuratedAnswers(auth.services().store, auth.services().retriever)


def _wording(body: dict[str, Any], said: dict[str, Any]) -> Wording:
    """What the body says, and `said` where it is silent. Invalid names what is no text."""
    given = said | {name: body[name] for name in said if body.get(name) is not None}
    for name in ("question", "answer", "url"):
        if not isinstance(given[name], str):
            raise Invalid(f"{name.capitalize()} is no text.", hint="Send it as a JSON string.")
    variants = given["variants"]
    if not isinstance(variants, list) or not all(isinstance(v, str) for v in variants):
        raise Invalid("Variants are a list of texts.", hint='Send "variants": ["..."].')
    return Wording(**given)


def _told(found: Curated, hits: Hits | None = None) -> dict[str, Any]:
    names = ("id", "question", "variants", "answer", "url", "status", "author")
    last = hits.last_at.isoformat() if hits and hits.last_at else None
    return {name: getattr(found, name) for name in names} | {
        "turn": found.turn_id,
        "created_at": found.created_at.isoformat(),
        "updated_at": found.updated_at.isoformat(),
        "hits": hits.count if hits else 0,
        "last_hit": last,
    }


def _contradiction(found: Contradiction) -> dict[str, Any]:
    def told(one: Approved) -> dict[str, str]:
        return {"kind": one.kind, "id": one.id, "question": one.question}

    return {"reason": found.reason, "answers": [told(found.one), told(found.other)]}
