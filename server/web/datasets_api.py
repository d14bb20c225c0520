"""The private API of datasets: what runs learnt from, their cards, and what is to be left out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from server.errors import Invalid
from server.learn.formats import FORMS, lines_of
from server.store.datasets import Dataset
from server.store.exclusions import Exclusion
from server.store.pairs import SIDES
from server.web import auth
from server.web.admin_api import body_object

blueprint = Blueprint("datasets_api", __name__, url_prefix="/api/v1/admin")
blueprint.before_request(auth.protect)


@blueprint.get("/assistants/<key>/datasets")
@auth.require("viewer")
def list_datasets(key: str) -> ResponseReturnValue:
    """Datasets of an assistant, newest first, with their counts by origin and by reason."""
    store = auth.services().store
    found = store.datasets.of_assistant(store.assistants.by_key(key).id)
    return jsonify(datasets=[_told(dataset) for dataset in found])


@blueprint.get("/assistants/<key>/datasets/<dataset_id>/card")
@auth.require("viewer")
def download_card(key: str, dataset_id: str) -> ResponseReturnValue:
    """A dataset's card as a Markdown file."""
    store = auth.services().store
    found = store.datasets.get(store.assistants.by_key(key).id, dataset_id)
    name = f"dataset-{found.number}.md"
    # As a file, never shown in the page: it holds words of visitors.
    return Response(
        found.card,
        mimetype="text/markdown",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@blueprint.get("/assistants/<key>/datasets/<dataset_id>/rows")
@auth.require("owner")
def download_rows(key: str, dataset_id: str) -> ResponseReturnValue:
    """A dataset's pairs as JSONL: ?format=openai|sharegpt|trl&side=train|held_out."""
    store = auth.services().store
    found = store.datasets.get(store.assistants.by_key(key).id, dataset_id)
    form, side = request.args.get("format", "openai"), request.args.get("side")
    if form not in FORMS or side not in (None, *SIDES):
        raise Invalid(
            f"There is no such format or side: {form[:32]!r}, {str(side)[:32]!r}.",
            hint=f"Use {', '.join(FORMS)}, and {', '.join(SIDES)} or none.",
        )
    name = f"dataset-{found.number}.{form}.jsonl"
    return Response(
        lines_of(store.pairs.of_run(found.run_id, split=side), form),
        mimetype="application/jsonl",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@blueprint.get("/assistants/<key>/exclusions")
@auth.require("viewer")
def list_exclusions(key: str) -> ResponseReturnValue:
    """What is kept out of the datasets to come."""
    store = auth.services().store
    found = store.exclusions.in_force(store.assistants.by_key(key).id)
    return jsonify(exclusions=[_word(one) for one in found.values()])


@blueprint.post("/assistants/<key>/pairs/<origin_id>/exclude")
@auth.require("reviewer")
def exclude_pair(key: str, origin_id: str) -> ResponseReturnValue:
    """Keep a reviewed reply or an example out: {"reason"}."""
    store, reason = auth.services().store, body_object().get("reason")
    if not isinstance(reason, str):
        raise Invalid('The body needs a "reason".', hint='Send {"reason": "..."} as JSON.')
    assistant = store.assistants.by_key(key)
    made = store.exclusions.exclude(assistant.id, origin_id, reason=reason, actor=auth.actor())
    return jsonify(_word(made))


@blueprint.post("/assistants/<key>/pairs/<origin_id>/include")
@auth.require("reviewer")
def include_pair(key: str, origin_id: str) -> ResponseReturnValue:
    """Take it back in."""
    store = auth.services().store
    assistant = store.assistants.by_key(key)
    made = store.exclusions.include(assistant.id, origin_id, actor=auth.actor())
    return jsonify(_word(made))


def _told(dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset": dataset.id,
        "run": dataset.run_id,
        "number": dataset.number,
        "hash": dataset.hash,
        "counts": dataset.counts,
        "created_at": dataset.created_at.isoformat(),
    }


def _word(one: Exclusion) -> dict[str, Any]:
    return {
        "origin": one.origin_id,
        "subject": one.subject_id,
        "excluded": one.excluded,
        "reason": one.reason,
        "by": one.actor,
        "at": one.created_at.isoformat(),
    }
