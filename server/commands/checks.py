"""`parlance test`: the question list from the command line, for a look before launch and for CI."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from server import config
from server.admin_client import AdminClient, connect
from server.cli import emit, json_option, progress_bar
from server.errors import AppError, Unavailable

_POLL_SECONDS = 0.3
_OPEN = ("queued", "running")


@click.command()
@click.argument("key")
@click.option(
    "--import",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="First add the questions of a JSONL or CSV file, all or none.",
)
@click.option(
    "--at-least",
    type=click.FloatRange(0, 1),
    help="End with status 1 if the pass rate is lower, such as 0.9.",
)
@json_option
def test(key: str, file: Path | None, at_least: float | None, as_json: bool) -> None:
    """Ask the owner's question list and print how much of it passes, and what changed."""
    show = progress_bar()
    with connect(config.load()) as client:
        path = f"/assistants/{key}/checks"
        if file is not None:
            told = client.upload(path, file, {})
            click.echo(f"{told['added']} questions added, {told['changed']} changed.", err=True)
        run = _run(client, path, show)
    emit(as_json, _outcome(run), _text(run))
    if at_least is not None and (run["pass_rate"] or 0.0) < at_least:
        said = f"{run['passed']} of {run['total']} pass, which is under {at_least:.0%}."
        click.echo(said, err=True)
        sys.exit(1)


def _run(client: AdminClient, path: str, show: Callable[[str, float], None]) -> dict[str, Any]:
    """Have the list asked and wait for the end; raise with a sentence if it came to none."""
    asked = _ask(client, path, show)
    run = _wait(client, path, asked["run"], show)
    if run["status"] != "done":
        raise Unavailable(
            f"The run over the question list was not finished: it is {run['status']}.",
            hint="The server's log says more." if run["status"] == "failed" else "Run it again.",
        )
    return run


def _ask(client: AdminClient, path: str, show: Callable[[str, float], None]) -> dict[str, Any]:
    while True:
        try:
            return client.post(f"{path}/runs", {})
        except AppError as error:
            if error.code != "conflict":
                raise
        # One that follows a change may have begun by itself: ours comes after it.
        for other in client.get(f"{path}/runs")["runs"]:
            if other["status"] in _OPEN:
                _wait(client, path, other["run"], show)


def _wait(
    client: AdminClient, path: str, run_id: str, show: Callable[[str, float], None]
) -> dict[str, Any]:
    while True:
        run = client.get(f"{path}/runs/{run_id}")
        if run["status"] not in _OPEN:
            return run
        total = run["total"] or 1
        show(f"{run['asked']} of {run['total']} questions asked", run["asked"] / total)
        time.sleep(_POLL_SECONDS)


def _outcome(run: dict[str, Any]) -> dict[str, Any]:
    """A finished run as scripts read it."""
    before = run["before"]
    return {
        "passed": run["passed"],
        "total": run["total"],
        "pass_rate": run["pass_rate"],
        "before": {n: before[n] for n in ("passed", "total")} if before else None,
        "changed": run["changed"],
        "failures": [{n: row[n] for n in ("question", "why", "reply")} for row in _failed(run)],
        "run": run["run"],
    }


def _text(run: dict[str, Any]) -> str:
    before = run["before"]
    lines = [f"{run['passed']} of {run['total']} pass ({run['pass_rate'] or 0.0:.0%})."]
    if before:
        what = ", ".join(run["changed"]) or "nothing"
        lines.append(f"Before: {before['passed']} of {before['total']}. Changed since: {what}.")
        lines += [f"  + now passes: {question}" for question in run["fixed"]]
        lines += [f"  - now fails:  {question}" for question in run["broken"]]
    for row in _failed(run):
        reply = " ".join(row["reply"].split())
        lines += ["", f"✗ {row['question']}", f"  {row['why']}"]
        lines += [f"  > {reply[:300]}"] if reply else []
    return "\n".join(lines)


def _failed(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in run["results"] if not row["passed"]]
