"""`parlance eval`: the figures of an assistant's answers on a set of questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from server import config
from server.admin_client import AdminClient, connect
from server.cli import emit, json_option, progress_bar, read_jsonl
from server.evaluation.figures import figures
from server.evaluation.judge import Judged
from server.evaluation.questions import parse_rows
from server.evaluation.report import ROWS, render

_BATCH = 5


@click.command("eval")
@click.argument("key")
@click.option(
    "--set",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSONL: {"question","expect":{"url"|"phrase":...}|null,"answer"?}.',
)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with plots."
)
@json_option
def evaluate(key: str, file: Path, report: Path | None, as_json: bool) -> None:
    """Ask a set of questions with known answers and print how good the answers are."""
    rows = read_jsonl(file)
    parse_rows(rows)  # a wrong row is told before minutes of work
    with connect(config.load()) as client:
        judged = _judged(client, key, rows)
    found = figures(judged)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(render(f"{key} on {file.name}", found, judged), encoding="utf-8")
    misses = [
        {"question": j.question, "label": j.label, "why": j.why} for j in judged if not j.right
    ]
    emit(as_json, found | {"misses": misses}, _table(found))


def _judged(client: AdminClient, key: str, rows: list[dict[str, Any]]) -> list[Judged]:
    show = progress_bar()
    found: list[Judged] = []
    for start in range(0, len(rows), _BATCH):
        told = client.post(f"/assistants/{key}/evaluate", {"rows": rows[start : start + _BATCH]})
        found += [Judged(**{**j, "ranks": tuple(j["ranks"])}) for j in told["judged"]]
        show(f"{len(found)} of {len(rows)} questions", len(found) / len(rows))
    return found


def _table(found: dict[str, Any]) -> str:
    lines = [f"{found['n']} questions: {found['answered']} answered, {found['refused']} refused"]
    for name, text, _ in ROWS:
        if found[name] is not None:
            low, high = found["ci"].get(name, (found[name], found[name]))
            lines.append(f"{found[name]:7.3f}  ({low:.3f} to {high:.3f})  {text}")
    lines.append(f"{found['check_ms']:7.2f}  ms for the grounding check, median")
    return "\n".join(lines)
