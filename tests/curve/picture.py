"""The learning curve as a Markdown table and as a plot for the manual."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

Cells = Sequence[dict[str, Any]]

DOCS = Path("server/docs")
PLOT = DOCS / "learning-curve.svg"
PAGE = DOCS / "06-tuning.md"
BASE, PROMPTED = "base model", "3 examples in the prompt"
_HEAD = (
    "Replies", "Surprise, nats a token", "Likeness to the voice", "Facts right",
    "Facts from memory",
)  # fmt: skip
_PANELS = (
    ("nll", "Surprise at held-out replies (nats a token)"),
    ("style", "Likeness to the voice (0 to 1)"),
)
_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 330, 190, 44, 34, 60
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1a1a24}.soft{fill:#5c5c70;font-size:11px}"
    ".axis{stroke:#d9d9e3}.line{fill:none;stroke:#3451b2;stroke-width:2}"
    ".dot{fill:#3451b2}.rival{stroke:#b4590a;stroke-dasharray:5 4;stroke-width:1.5}"
    ".rivals{fill:#b4590a;font-size:11px}"
    "@media(prefers-color-scheme:dark){text{fill:#ececf4}.soft{fill:#a3a3b8}"
    ".axis{stroke:#3a3a4a}.line{stroke:#8ea4ff}.dot{fill:#8ea4ff}.rival{stroke:#f0a35e}"
    ".rivals{fill:#f0a35e}}"
)


def table(cells: Cells) -> str:
    """Mean over the seeds, and the least and the most where they differ."""
    lines = [f"| {' | '.join(_HEAD)} |", f"|{' --- |' * len(_HEAD)}"]
    lines += [_row(name, own) for name, own in _groups(cells)]
    return "\n".join(lines)


def write(cells: Cells) -> None:
    """Put plot and table into the manual, the table in place of the one that stands there."""
    PLOT.write_text(plot(cells), encoding="utf-8")
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(f"| {_HEAD[0]} | {_HEAD[1]}"))
    last = next(n for n in range(first, len(lines) + 1) if not "".join(lines[n : n + 1]))
    told = [*lines[:first], *table(cells).splitlines(), *lines[last:]]
    PAGE.write_text("\n".join(told) + "\n", encoding="utf-8")


def plot(cells: Cells) -> str:
    """Two panels as SVG: a dot a seed, a line through the means, the rival as a broken line."""
    trained = {c: [x for x in cells if x["pairs"] == c] for c in sorted(_counts(cells))}
    rivals = [c for c in cells if not c["pairs"]]
    drawn = [_panel(n, name, title, trained, rivals) for n, (name, title) in enumerate(_PANELS)]
    width = 2 * (_WIDTH + _GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT + 84}" '
        f'role="img"><title>Learning curve</title><style>{_STYLE}</style>{"".join(drawn)}</svg>\n'
    )


def _panel(
    n: int, name: str, title: str, trained: dict[int, list[dict[str, Any]]], rivals: Cells
) -> str:
    left = _LEFT + n * (_WIDTH + _GAP)
    every = [c for own in trained.values() for c in own]
    top: float = max(
        [1.0, *(c[f"{name}_{when}"] for c in [*every, *rivals] for when in ("before", "after"))]
    )

    def y(value: float) -> float:
        return float(round(_TOP + _HEIGHT * (1 - value / top), 1))

    places = [0, *trained]
    x = {count: round(left + _WIDTH * (k + 0.4) / len(places), 1) for k, count in enumerate(places)}
    groups = {0: [c[f"{name}_before"] for c in every[:1]]}
    groups |= {count: [c[f"{name}_after"] for c in own] for count, own in trained.items()}
    line = " ".join(f"{x[count]},{y(fmean(values))}" for count, values in groups.items() if values)
    dots = "".join(
        f'<circle class="dot" cx="{x[count]}" cy="{y(value)}" r="3"/>'
        for count, values in groups.items()
        for value in values
    )
    ticks = "".join(
        f'<text class="soft" x="{x[count]}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">'
        f"{count or 'base'}</text>"
        for count in places
    )
    return (
        f'<text x="{left}" y="16">{title}</text>{_lines(left, top, y)}{ticks}'
        f'<text class="soft" x="{left + _WIDTH / 2}" y="{_TOP + _HEIGHT + 36}" '
        f'text-anchor="middle">example replies</text>'
        f'{_rival(left, name, rivals, y)}<polyline class="line" points="{line}"/>{dots}'
    )


def _lines(left: int, top: float, y: Callable[[float], float]) -> str:
    values = [top * share for share in (0, 0.25, 0.5, 0.75, 1)]
    return "".join(
        f'<line class="axis" x1="{left}" x2="{left + _WIDTH}" y1="{y(v)}" y2="{y(v)}"/>'
        f'<text class="soft" x="{left - 6}" y="{y(v) + 4}" text-anchor="end">{v:.2f}</text>'
        for v in values
    )


def _rival(left: int, name: str, rivals: Cells, y: Callable[[float], float]) -> str:
    if not rivals:
        return ""
    at = y(fmean(c[f"{name}_after"] for c in rivals))
    return (
        f'<line class="rival" x1="{left}" x2="{left + _WIDTH}" y1="{at}" y2="{at}"/>'
        f'<text class="rivals" x="{left + _WIDTH}" y="{at - 5}" text-anchor="end">{PROMPTED}</text>'
    )


def _groups(cells: Cells) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    before = [
        {k.replace("_before", "_after").replace("leak_base", "leak_candidate"): v
         for k, v in c.items() if k.endswith("_before") or k == "leak_base"}
        for c in cells[:1]
    ]  # fmt: skip
    if before:
        yield BASE, before
    if rivals := [c for c in cells if not c["pairs"]]:
        yield PROMPTED, rivals
    for count in sorted(_counts(cells)):
        yield str(count), [c for c in cells if c["pairs"] == count]


def _counts(cells: Cells) -> set[int]:
    return {c["pairs"] for c in cells if c["pairs"]}


def _row(name: str, own: Cells) -> str:
    told = [
        _span([c["nll_after"] for c in own], "{:.2f}"),
        _span([c["style_after"] for c in own], "{:.2f}"),
        _span([c["facts_after"] for c in own], "{:.0%}"),
        _span([c["leak_candidate"] for c in own], "{:.0%}"),
    ]
    return f"| {name} | {' | '.join(told)} |"


def _span(values: Sequence[float], form: str) -> str:
    middle, least, most = (form.format(f(values)) for f in (fmean, min, max))
    return middle if least == most else f"{middle} ({least} to {most})"
