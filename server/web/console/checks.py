"""The question list: what must be answered or refused, its runs, and what changed between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, request

from server.checking.lists import read_list
from server.checking.state import Comparison, compare
from server.checking.suggest import check_from_turn, question_of, suggestions
from server.errors import AppError, Conflict
from server.store.assistants import Assistant
from server.store.check_runs import CheckRun
from server.store.checks import Check, NewCheck, question_key
from server.store.conversations import Turn
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, is_htmx, show

_KINDS = {"url": "must cite this page", "phrase": "must say these words", "refuse": "must refuse"}
_SHOWN_RUNS = 20
# The chart keeps this many places, so that two runs do not look like a wall.
_LEAST_BARS = 16


@dataclass(frozen=True, slots=True)
class Listed:
    """A question of the list with its newest result, if it was asked as it stands now."""

    check: Check
    result: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Compared:
    """A run with what changed since the finished one before it."""

    run: CheckRun
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One run in the chart, in a box of 100 by 100; `tone` as a badge has it."""

    x: float
    width: float
    height: float
    tone: str
    title: str


@blueprint.get("/<key>/checks")
@auth.require("viewer")
def checks(key: str) -> Response:
    return _page(assistant_at(key))


@blueprint.post("/<key>/checks")
@auth.require("reviewer")
def add_check(key: str) -> Response:
    """Put a question on the list; also the way back from removing one."""
    assistant, store = assistant_at(key), auth.services().store
    try:
        made = store.checks.add(assistant.id, _given(assistant), author=auth.actor())
    except AppError as error:
        if is_htmx():
            raise
        return _page(assistant, wrong=("add", error))
    store.audit.add(auth.actor(), "checks.add", made.id)
    if is_htmx():
        return _row(assistant, made)
    return back_to("checks", key=key, done="check-added")


@blueprint.post("/<key>/checks/import")
@auth.require("reviewer")
def import_checks(key: str) -> Response:
    """Add the questions of a file or a paste, all or none."""
    assistant, store, file = assistant_at(key), auth.services().store, request.files.get("file")
    try:
        if file is not None and file.filename:
            new = read_list(file.filename[:200], file.read())
        else:
            new = read_list("What was pasted", request.form.get("text", "").encode())
        added, changed = store.checks.import_many(assistant.id, new, author=auth.actor())
    except AppError as error:
        return _page(assistant, wrong=("import", error))
    store.audit.add(auth.actor(), "checks.import", assistant.id, added=added, changed=changed)
    return back_to("checks", key=key, done="checks-imported")


@blueprint.post("/<key>/checks/<check_id>/change")
@auth.require("reviewer")
def change_check(key: str, check_id: str) -> Response:
    assistant, store = assistant_at(key), auth.services().store
    old = store.checks.check(assistant.id, check_id)
    try:
        store.checks.change(assistant.id, old.id, _given(assistant))
    except AppError as error:
        return _page(assistant, wrong=(old.id, error))
    store.audit.add(auth.actor(), "checks.change", old.id)
    return back_to("checks", key=key, done="check-changed", _anchor=old.id)


@blueprint.post("/<key>/checks/<check_id>/remove")
@auth.require("reviewer")
def remove_check(key: str, check_id: str) -> Response:
    """Take a question off the list, and offer to put it back."""
    assistant, store = assistant_at(key), auth.services().store
    gone = store.checks.remove(assistant.id, check_id)
    store.audit.add(auth.actor(), "checks.remove", gone.id)
    if is_htmx():
        return show("_check_gone.html", assistant=assistant, gone=gone)
    return _page(assistant, gone=gone)


@blueprint.post("/<key>/checks/run")
@auth.require("reviewer")
def start_check_run(key: str) -> Response:
    assistant = assistant_at(key)
    try:
        auth.services().ask_for_check_run(assistant, actor=auth.actor())
    except AppError as error:
        return _page(assistant, wrong=("run", error))
    return back_to("checks", key=key, done="check-run")


@blueprint.get("/<key>/checks/runs/<check_run_id>")
@auth.require("viewer")
def check_run(key: str, check_run_id: str) -> Response:
    """One run: for htmx the card with its progress, otherwise every answer of it."""
    assistant = assistant_at(key)
    run = auth.services().store.check_runs.run(check_run_id, assistant_id=assistant.id)
    if not is_htmx():
        return show("check_run.html", assistant=assistant, compared=_compared(run), run=run)
    return show("_check_run.html", assistant=assistant, run=run)


@blueprint.post("/<key>/checks/runs/<check_run_id>/cancel")
@auth.require("reviewer")
def cancel_check_run(key: str, check_run_id: str) -> Response:
    assistant = assistant_at(key)
    run = auth.services().store.check_runs.run(check_run_id, assistant_id=assistant.id)
    auth.services().cancel_check_run(run, actor=auth.actor())
    return back_to("checks", key=key, done="check-run-cancelled")


@blueprint.post("/<key>/turns/<turn_id>/check")
@auth.require("reviewer")
def check_turn(key: str, turn_id: str) -> Response:
    """Put a visitor's turn on the list as it went, with one click."""
    assistant, store = assistant_at(key), auth.services().store
    turn = store.conversations.turn(turn_id, assistant_id=assistant.id)
    try:
        made = store.checks.add(assistant.id, check_from_turn(store, turn), author=auth.actor())
        store.audit.add(auth.actor(), "checks.add", made.id, turn=turn.id)
    except Conflict:
        pass  # somebody was quicker; it is there, which is what was wanted
    if is_htmx():
        return show("_turn_check.html", assistant=assistant, turn=turn, added=True)
    return back_to(
        "conversation",
        key=key,
        conversation_id=turn.conversation_id,
        done="check-added",
        _anchor=turn.id,
    )


@blueprint.app_template_global("listed_check")
def listed_check(turn: Turn) -> Check | None:
    """The question of the list that asks what a turn asked."""
    asked = question_of(turn)
    return auth.services().store.checks.like(turn.assistant_id, asked) if asked else None


blueprint.add_app_template_global(question_of, "check_question")


def _page(
    assistant: Assistant,
    *,
    wrong: tuple[str, AppError] | None = None,
    gone: Check | None = None,
) -> Response:
    """The whole page; `wrong` names the form whose input was refused, and why."""
    store = auth.services().store
    runs = store.check_runs.of_assistant(assistant.id, limit=_SHOWN_RUNS + 1)
    done = [run for run in runs if run.status == "done"]
    return show(
        "checks.html",
        status=wrong[1].status if wrong else 200,
        assistant=assistant,
        listed=_listed(store.checks.of_assistant(assistant.id), done),
        running=next((run for run in runs if run.is_open), None),
        latest=_compared(done[0], done) if done else None,
        history=[_compared(run, done) for run in runs[:_SHOWN_RUNS] if not run.is_open],
        bars=_bars(done),
        suggestions=suggestions(store, assistant.id) if auth.is_allowed("reviewer") else [],
        kinds=_KINDS,
        pages=store.checks.page_addresses(assistant.id),
        wrong=dict([wrong]) if wrong else {},
        gone=gone,
        typed=request.form,
    )


def _row(assistant: Assistant, made: Check) -> Response:
    """The row of one question, as it stands in the list."""
    store = auth.services().store
    done = store.check_runs.of_assistant(assistant.id, status="done", limit=1)
    return show(
        "_check.html",
        assistant=assistant,
        one=_listed([made], done)[0],
        kinds=_KINDS,
        wrong={},
        typed={},
    )


def _listed(found: list[Check], done: list[CheckRun]) -> list[Listed]:
    """The list, what fails now first; a result of another expectation says nothing."""
    rows = {question_key(row["question"]): row for row in done[0].results} if done else {}
    listed = []
    for check in found:
        row = rows.get(question_key(check.question))
        listed.append(Listed(check, row if row and row["expect"] == check.expect else None))
    return sorted(listed, key=lambda one: one.result is None or bool(one.result["passed"]))


def _compared(run: CheckRun, done: list[CheckRun] | None = None) -> Compared:
    """A finished run beside the one before it, which `done` (newest first) may hold already."""
    if run.status != "done":
        return Compared(run, None)
    before = next((one for one in done or () if one.seq < run.seq), None)
    before = before or auth.services().store.check_runs.before(run)
    return Compared(run, compare(run, before) if before else None)


def _bars(done: list[CheckRun]) -> list[Bar]:
    """The finished runs, oldest first, at the right of the chart."""
    slots = max(_LEAST_BARS, len(done))
    step = 100 / slots
    bars = []
    for n, run in enumerate(reversed(done)):
        rate = run.pass_rate or 0.0
        bars.append(
            Bar(
                x=round((slots - len(done) + n) * step + step * 0.15, 2),
                width=round(step * 0.7, 2),
                height=round(100 * rate, 2),
                tone="good" if rate >= 0.9 else "warn" if rate >= 0.6 else "bad",
                title=f"{run.passed} of {run.total} pass, {run.created_at:%Y-%m-%d %H:%M}",
            )
        )
    return bars


def _given(assistant: Assistant) -> NewCheck:
    """The form's fields as a question of the list."""
    form = request.form
    kind, value = form.get("kind", ""), form.get("value", "").strip()
    expect = None if kind == "refuse" else {kind: value}
    turn_id = form.get("turn") or None
    if turn_id is not None:
        turn_id = auth.services().store.conversations.turn(turn_id, assistant_id=assistant.id).id
    return NewCheck(form.get("question", "").strip(), expect, turn_id)
