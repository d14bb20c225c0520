"""A run: its card while it works, its report when it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response

from server.errors import NotFound
from server.store.adapters import Adapter
from server.store.assistants import Assistant
from server.store.blind import BlindChoice
from server.store.runs import OPEN_STATUSES, Run
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, is_htmx, show
from server.web.console.tuning.charts import Interval, curve, interval_of
from server.web.console.tuning.measures import Measure, measures
from server.web.console.tuning.preferring import Preferred, preferred
from server.web.console.tuning.reading import STAGES, Sentence, headline, in_plain_words, time_left


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A figure of the report and the plot of its interval, if it has one."""

    measure: Measure
    plot: Interval | None


@dataclass(frozen=True, slots=True)
class RunReport:
    """An ended run as pages show it; `adapter` is None if it made none."""

    run: Run
    adapter: Adapter | None
    gate: dict[str, Any]
    headline: Sentence
    sentences: list[Sentence]
    rows: list[ReportRow]

    @property
    def parts(self) -> list[tuple[str, list[ReportRow]]]:
        """The rows in two: what tells something, and the others under a title."""
        first = [row for row in self.rows if row.measure.is_telling]
        others = [row for row in self.rows if not row.measure.is_telling]
        if not first or not others:
            return [("", self.rows)]
        return [
            ("", first),
            (f"{len(others)} more, not surely better or worse than before", others),
        ]

    @property
    def has_intervals(self) -> bool:
        return any(row.plot for row in self.rows)

    @property
    def samples(self) -> list[dict[str, str]]:
        """Answers to held-out questions, old and new side by side."""
        found = self.adapter.report.get("samples") if self.adapter else None
        return [s for s in found or [] if {"question", "before", "after"} <= s.keys()]


@blueprint.get("/<key>/runs/<run_id>")
@auth.require("viewer")
def run_report(key: str, run_id: str) -> Response:
    """One run: for htmx the card with its progress, otherwise its report."""
    assistant = assistant_at(key)
    run = run_of(assistant, run_id)
    store = auth.services().store
    drawn = curve(run.progress.get("curve") or [])
    if not is_htmx():
        report = report_of(run)
        latest, active = store.adapters.active(assistant.id)
        return show(
            "run.html",
            assistant=assistant,
            run=run,
            report=report,
            curve=drawn,
            latest=latest,
            active=active,
            preferred=_preferred(report),
            replays=store.replays.of_adapter(report.adapter.id) if report.adapter else [],
            canary=store.canaries.running().get(assistant.id),
            plan=store.plans.of(assistant.id),
        )
    ended = [r for r in store.runs.of_assistant(assistant.id) if r.finished_at]
    left = time_left(run, alike(ended, run))
    response = show(
        "_run.html", assistant=assistant, run=run, stages=STAGES, curve=drawn, left=left
    )
    if run.status not in OPEN_STATUSES:
        response.headers["HX-Refresh"] = "true"  # it has ended: show the whole page with its report
    return response


@blueprint.post("/<key>/runs/<run_id>/cancel")
@auth.require("owner")
def cancel_run(key: str, run_id: str) -> Response:
    run = run_of(assistant_at(key), run_id)
    auth.services().cancel_run(run.id, actor=auth.actor())
    return back_to("tuning", key=key, done="run-cancelled")


def report_of(run: Run) -> RunReport:
    """What a run's page needs beside its row: the gate's word, the adapter, figures and plots."""
    adapter: Adapter | None = None
    try:
        adapter = auth.services().store.adapters.of_run(run.id)
    except NotFound:
        adapter = None
    gate = run.metrics.get("gate") or (adapter.report.get("gate") if adapter else None) or {}
    rows = measures(run, (adapter.report.get("scorecard") if adapter else None) or ())
    return RunReport(
        run=run,
        adapter=adapter,
        gate=gate,
        headline=headline(run),
        sentences=in_plain_words(run, rows),
        rows=[ReportRow(row, interval_of(row)) for row in rows],
    )


def alike(runs: list[Run], run: Run) -> list[Run]:
    """Those of one kind: the two kinds take unlike long."""
    return [one for one in runs if one.kind == run.kind]


def run_of(assistant: Assistant, run_id: str) -> Run:
    """A run of this assistant; NotFound if it is another's."""
    run = auth.services().store.runs.run(run_id)
    if run.assistant_id != assistant.id:
        raise NotFound(f"There is no run {run_id[:64]!r}.")
    return run


def _preferred(report: RunReport) -> Preferred | None:
    if report.adapter is None:
        return None
    made: list[BlindChoice] = auth.services().store.blind.in_force(report.adapter.id)
    return preferred(made) if made else None
