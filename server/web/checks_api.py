"""The private API of the question list: its questions, its runs and what changed between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from server.checking.lists import check_of, read_list
from server.checking.state import compare
from server.errors import AppError, Invalid
from server.store.assistants import Assistant
from server.store.check_runs import CheckRun
from server.store.checks import Check, NewCheck
from server.web import auth

blueprint = Blueprint("checks_api", __name__, url_prefix="/api/v1/admin/assistants/<key>/checks")
blueprint.before_request(auth.protect)


@blueprint.get("")
@auth.require("viewer")
def list_checks(key: str) -> ResponseReturnValue:
    found = auth.services().store.checks.of_assistant(_assistant(key).id)
    return jsonify(checks=[told_check(check) for check in found])


@blueprint.post("")
@auth.require("reviewer")
def add_checks(key: str) -> ResponseReturnValue:
    """Add one question, or import many (JSON or a file), all or none."""
    assistant, store = _assistant(key), auth.services().store
    body = request.get_json(silent=True)
    if (upload := request.files.get("file")) is not None:
        rows = read_list(upload.filename or "The file", upload.read())
    elif isinstance(body, dict) and "checks" in body:
        rows = list(_rows(body["checks"]))
    else:
        made = store.checks.add(assistant.id, check_of(body), author=auth.actor())
        store.audit.add(auth.actor(), "checks.add", made.id)
        return jsonify(told_check(made)), 201
    added, changed = store.checks.import_many(assistant.id, rows, author=auth.actor())
    store.audit.add(auth.actor(), "checks.import", assistant.id, added=added, changed=changed)
    return jsonify(added=added, changed=changed)


@blueprint.delete("/<check_id>")
@auth.require("reviewer")
def remove_check(key: str, check_id: str) -> ResponseReturnValue:
    store = auth.services().store
    gone = store.checks.remove(_assistant(key).id, check_id)
    store.audit.add(auth.actor(), "checks.remove", gone.id)
    return jsonify(told_check(gone))


@blueprint.get("/runs")
@auth.require("viewer")
def list_runs(key: str) -> ResponseReturnValue:
    """The newest runs, without what was answered."""
    found = auth.services().store.check_runs.of_assistant(_assistant(key).id)
    return jsonify(runs=[told_run(run) for run in found])


@blueprint.post("/runs")
@auth.require("reviewer")
def start_run(key: str) -> ResponseReturnValue:
    run = auth.services().ask_for_check_run(_assistant(key), actor=auth.actor())
    return jsonify(told_run(run)), 202


@blueprint.get("/runs/<check_run_id>")
@auth.require("viewer")
def show_run(key: str, check_run_id: str) -> ResponseReturnValue:
    """One run with every answer, beside the finished run before it."""
    run = _run(key, check_run_id)
    before = auth.services().store.check_runs.before(run)
    told = told_run(run) | {"results": run.results, "before": None, "changed": []}
    if before is not None:
        seen = compare(run, before)
        told["before"] = {"run": before.id, "passed": before.passed, "total": before.total}
        told |= {"changed": list(seen.changed), "fixed": list(seen.fixed)}
        told |= {"broken": list(seen.broken)}
    return jsonify(told)


@blueprint.post("/runs/<check_run_id>/cancel")
@auth.require("reviewer")
def cancel_run(key: str, check_run_id: str) -> ResponseReturnValue:
    run = auth.services().cancel_check_run(_run(key, check_run_id), actor=auth.actor())
    return jsonify(told_run(run))


def told_check(check: Check) -> dict[str, Any]:
    """A question as JSON."""
    return {
        "id": check.id,
        "question": check.question,
        "expect": check.expect,
        "turn": check.turn_id,
        "author": check.author,
        "created_at": check.created_at.isoformat(),
    }


def told_run(run: CheckRun) -> dict[str, Any]:
    """A run as JSON; `fingerprints` differ where its state differs from another run's."""
    return {
        "run": run.id,
        "status": run.status,
        "passed": run.passed,
        "asked": run.asked,
        "total": run.total,
        "pass_rate": run.pass_rate,
        "fingerprints": {
            "content": run.content,
            "manner": run.manner,
            "prompt": run.prompt_version,
            "adapter": run.adapter,
        },
        "requested_by": run.requested_by,
        "created_at": run.created_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }


def _rows(rows: Any) -> Iterator[NewCheck]:
    if not isinstance(rows, list):
        raise Invalid('"checks" is no list.')
    for number, row in enumerate(rows, start=1):
        try:
            yield check_of(row)
        except AppError as error:
            raise Invalid(f"Row {number}: {error}") from None


def _assistant(key: str) -> Assistant:
    return auth.services().store.assistants.by_key(key)


def _run(key: str, run_id: str) -> CheckRun:
    return auth.services().store.check_runs.run(run_id, assistant_id=_assistant(key).id)
