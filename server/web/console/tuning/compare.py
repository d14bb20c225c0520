"""Runs side by side: the same measures in columns, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request

from server.web import auth
from server.web.console.shell import assistant_at, blueprint, show
from server.web.console.tuning.runs import ReportRow, RunReport, report_of, run_of

# More columns cannot be read, least of all on a phone.
_MOST = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One measure in all chosen runs; None where a run does not have it."""

    title: str
    help: str
    cells: list[ReportRow | None]


@blueprint.get("/<key>/tuning/compare")
@auth.require("viewer")
def compare_runs(key: str) -> Response:
    """The chosen runs, else the newest two that came to figures."""
    assistant, store = assistant_at(key), auth.services().store
    measured = [run for run in store.runs.of_assistant(assistant.id) if run.metrics]
    wanted = list(dict.fromkeys(request.args.getlist("run")))[:_MOST]
    chosen = [run_of(assistant, run_id) for run_id in wanted] or measured[:2]
    reports = [report_of(run) for run in chosen]
    return show(
        "compare.html",
        assistant=assistant,
        measured=measured,
        reports=reports,
        lines=_lines(reports),
        most=_MOST,
        active=store.adapters.active(assistant.id)[1],
    )


def _lines(reports: list[RunReport]) -> list[Line]:
    named: dict[str, ReportRow] = {}
    for report in reports:
        for row in report.rows:
            named.setdefault(row.measure.name, row)
    return [
        Line(
            title=first.measure.title,
            help=first.measure.help,
            cells=[
                next((row for row in report.rows if row.measure.name == name), None)
                for report in reports
            ],
        )
        for name, first in named.items()
    ]
