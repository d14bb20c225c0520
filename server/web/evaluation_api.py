"""Evaluating an assistant over the private API: some questions a call, so that progress shows."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from server.answering.curated import CuratedAnswers
from server.errors import Invalid
from server.evaluation.asking import Evaluation
from server.evaluation.questions import parse_rows
from server.web import auth
from server.web.admin_api import body_object

blueprint = Blueprint("evaluation_api", __name__, url_prefix="/api/v1/admin")
blueprint.before_request(auth.protect)

MOST_AT_ONCE = 20


@blueprint.post("/assistants/<key>/evaluate")
@auth.require("reviewer")
def evaluate(key: str) -> ResponseReturnValue:
    """Ask and judge up to 20 rows of a question file; no turn is logged."""
    services = auth.services()
    assistant = services.store.assistants.by_key(key)
    rows = body_object().get("rows")
    if not isinstance(rows, list):
        raise Invalid('The body needs a list "rows".')
    if len(rows) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} rows a call.", hint="Send the rest in more calls.")
    evaluation = Evaluation(
        services.store,
        assistant,
        retriever=services.retriever,
        voice=lambda: services.voices.voice(assistant.id),
        curated=CuratedAnswers(services.store, services.retriever),
    )
    return jsonify(judged=[asdict(j) for j in evaluation.run(parse_rows(rows))])
