"""The page of an evaluation: its figures with intervals, the risk-coverage curve, every miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from server.evaluation.judge import Judged

_WIDTH, _HEIGHT, _PAD = 640, 260, 36
# Name, what it says, and whether more is better.
ROWS = (
    ("crag", "CRAG score: 1 right, 0 refused, -1 wrong", True),
    ("right", "answerable questions answered right", True),
    ("wrong_facts", "answers with a statement that the content does not carry", False),
    ("support", "statements that the cited passages carry", True),
    ("refusal_recall", "unanswerable questions refused", True),
    ("refusal_precision", "refusals that were due", True),
    ("over_refusal", "answerable questions refused", False),
    ("right_page", "answers whose first citation is on the right page", True),
    ("right_page_supported", "the same, among answers labelled supported", True),
    ("citation_precision", "citations on an expected page", True),
    ("citation_recall", "statements that bear a citation", True),
    ("recall_at_1", "expected pages that retrieval puts first", True),
    ("recall_at_5", "expected pages among the first five", True),
    ("ndcg_at_10", "nDCG at 10, by page", True),
    ("seconds_per_answer", "seconds for an answer", False),
)


def render(
    title: str,
    figures: Mapping[str, Any],
    judged: Sequence[Judged],
    *,
    rival: Mapping[str, Any] | None = None,
    rival_name: str = "",
) -> str:
    """One self-contained HTML page; all text from questions and answers is escaped."""
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
    ).get_template("report.html")
    return page.render(
        title=title,
        figures=figures,
        rows=ROWS,
        rival=rival,
        rival_name=rival_name,
        curves=_curves(figures, rival),
        box={"width": _WIDTH, "height": _HEIGHT, "pad": _PAD},
        misses=[asdict(j) for j in judged if not j.right],
    )


def _curves(figures: Mapping[str, Any], rival: Mapping[str, Any] | None) -> list[str]:
    """The points of each risk-coverage curve as SVG coordinates."""
    found = []
    for one in (figures, rival):
        points = one["risk_coverage"]["points"] if one else []
        found.append(" ".join(f"{_x(share):.1f},{_y(risk):.1f}" for share, risk in points))
    return found


def _x(share: float) -> float:
    return _PAD + share * (_WIDTH - 2 * _PAD)


def _y(risk: float) -> float:
    return _HEIGHT - _PAD - risk * (_HEIGHT - 2 * _PAD)
