"""Tuning: material, runs with their reports, adapters, what is active and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, request

from server.errors import AppError, Conflict, NotFound
from server.learn.examples import read_examples
from server.store.adapters import Activation, Adapter, Serving
from server.store.assistants import Assistant
from server.store.overview import Overview
from server.store.runs import OPEN_STATUSES, Run
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, is_htmx, show

_STAGES = ("pairs", "train", "merge", "evaluate", "gate")
# The fewest replies a run accepts; the run itself has the last word (tuning's `pairs_floor`).
_FLOOR = 20


@dataclass(frozen=True, slots=True)
class Material:
    """What a run could learn from now. `approved`: answers that the sources carry; a run still
    leaves out mere quotes and duplicates."""

    corrected: int
    approved: int
    examples: int
    elsewhere: int

    @property
    def usable(self) -> int:
        return self.corrected + self.approved + self.examples


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of a report. `better` is the direction: "less", "more" or "" (stay within a band)."""

    title: str
    help: str
    better: str
    is_share: bool
    before: float | None
    after: float | None

    @property
    def verdict(self) -> str:
        """better, worse or same; empty where there is nothing to compare or no direction."""
        if self.before is None or self.after is None or not self.better:
            return ""
        if self.before == self.after:
            return "same"
        return "better" if (self.after < self.before) == (self.better == "less") else "worse"


# (name of the metric, title, what it means, which way is better, whether it is a share)
_MEASURES = (
    ("nll", "Surprise at your replies", "Loss on replies kept out of training", "less", False),
    ("style", "Likeness to your voice", "0 to 1, on answers to new questions", "more", False),
    ("facts", "Facts right", "Questions from your sources, answered correctly", "more", True),
    ("invented", "Invented numbers", "Drafts with a number that no source holds", "less", True),
    ("length", "Words in a reply", "Must stay in a band around your own replies", "", False),
)


@blueprint.get("/<key>/tuning")
@auth.require("viewer")
def tuning(key: str) -> Response:
    return _page(assistant_at(key))


@blueprint.post("/<key>/tuning/run")
@auth.require("owner")
def start_run(key: str) -> Response:
    assistant = assistant_at(key)
    try:
        auth.services().ask_for_run(assistant, actor=auth.actor())
    except AppError as error:
        return _page(assistant, error=error)
    return back_to("tuning", key=key, done="run")


@blueprint.get("/<key>/runs/<run_id>")
@auth.require("viewer")
def run_report(key: str, run_id: str) -> Response:
    """One run: for htmx the card with its progress, otherwise its report."""
    assistant = assistant_at(key)
    run = _run_of(assistant, run_id)
    if not is_htmx():
        return show(
            "run.html", assistant=assistant, run=run, measures=measures(run), **_report(run)
        )
    response = show("_run.html", assistant=assistant, run=run, stages=_STAGES)
    if run.status not in OPEN_STATUSES:
        response.headers["HX-Refresh"] = "true"  # it has ended: show the whole page with its report
    return response


@blueprint.post("/<key>/runs/<run_id>/cancel")
@auth.require("owner")
def cancel_run(key: str, run_id: str) -> Response:
    run = _run_of(assistant_at(key), run_id)
    auth.services().cancel_run(run.id, actor=auth.actor())
    return back_to("tuning", key=key, done="run-cancelled")


@blueprint.post("/<key>/adapters/<adapter_id>/promote")
@auth.require("owner")
def promote(key: str, adapter_id: str) -> Response:
    """Make an adapter the one that answers; refused unless it passed the gate."""
    assistant = assistant_at(key)
    found = auth.services().store.adapters.adapter(adapter_id)
    if found.assistant_id != assistant.id:
        raise NotFound(f"There is no adapter {adapter_id[:64]!r}.")
    try:
        auth.services().promote(
            found.id, actor=auth.actor(), expected=request.form.get("expected", "")
        )
    except AppError as error:
        return _page(assistant, error=error)
    return back_to("tuning", key=key, done="promoted")


@blueprint.post("/<key>/adapters/roll-back")
@auth.require("owner")
def roll_back(key: str) -> Response:
    """Return to what was active before, if what is active is still what the person saw."""
    assistant = assistant_at(key)
    latest = auth.services().store.adapters.active(assistant.id)[0]
    try:
        if (latest.id if latest else "") != request.form.get("expected", ""):
            raise Conflict(
                "Somebody else has promoted or rolled back in the meantime.",
                hint="See below what is active now, then decide again.",
            )
        auth.services().roll_back(assistant, actor=auth.actor())
    except AppError as error:
        return _page(assistant, error=error)
    return back_to("tuning", key=key, done="rolled-back")


@blueprint.post("/<key>/examples")
@auth.require("owner")
def add_examples(key: str) -> Response:
    """Import the owner's own example replies, all or none."""
    assistant, file, store = assistant_at(key), request.files.get("file"), auth.services().store
    try:
        name = (file.filename if file else "") or "The file"
        found = read_examples(name, file.read() if file else b"")
        added, known = store.pairs.import_examples(assistant.id, found, origin=name[:200])
    except AppError as error:
        return _page(assistant, error=error)
    store.audit.add(auth.actor(), "examples.import", assistant.id, added=added, known=known)
    return back_to("tuning", key=key, done="examples")


def measures(run: Run) -> list[Measure]:
    """The rows of a run's report, for which there are figures."""
    metrics = run.metrics
    rows = [
        Measure(
            title=title,
            help=help,
            better=better,
            is_share=is_share,
            before=metrics.get(f"{name}_before"),
            after=metrics.get(f"{name}_after"),
        )
        for name, title, help, better, is_share in _MEASURES
    ]
    return [row for row in rows if row.before is not None or row.after is not None]


def _page(assistant: Assistant, *, error: AppError | None = None) -> Response:
    store = auth.services().store
    runs = store.runs.of_assistant(assistant.id)
    latest, active = store.adapters.active(assistant.id)
    history = store.adapters.activations(assistant.id)
    return show(
        "tuning.html",
        status=error.status if error else 200,
        assistant=assistant,
        error=error,
        material=_material(assistant),
        floor=_FLOOR,
        running=next((run for run in runs if run.status in OPEN_STATUSES), None),
        ended=[(run, measures(run), _report(run)) for run in runs if run.finished_at],
        stages=_STAGES,
        adapters=store.adapters.of_assistant(assistant.id),
        latest=latest,
        active=active,
        history=history,
        served=_served(latest, store.adapters.servings(assistant.id)),
    )


def _material(assistant: Assistant) -> Material:
    store = auth.services().store
    judged = store.reviews.in_force(assistant.id)
    tone = [r for r in judged if r.verdict == "corrected" and r.fault == "tone"]
    return Material(
        corrected=len(tone),
        approved=Overview(store.database).approved_answers(assistant.id),
        examples=len(store.pairs.examples(assistant.id)),
        elsewhere=sum(r.verdict != "approved" for r in judged) - len(tone),
    )


def _report(run: Run) -> dict[str, Any]:
    """What a run's page needs beside its figures: the gate's word and the adapter it made."""
    found: Adapter | None = None
    try:
        found = auth.services().store.adapters.of_run(run.id)
    except NotFound:
        found = None
    gate = run.metrics.get("gate") or (found.report.get("gate") if found else None) or {}
    return {"gate": gate, "adapter": found}


def _served(latest: Activation | None, servings: list[Serving]) -> Serving | None:
    """What the serving process said about the activation in force, None until it has."""
    wanted = latest.id if latest else None
    return next((one for one in servings if one.activation_id == wanted), None)


def _run_of(assistant: Assistant, run_id: str) -> Run:
    run = auth.services().store.runs.run(run_id)
    if run.assistant_id != assistant.id:
        raise NotFound(f"There is no run {run_id[:64]!r}.")
    return run
