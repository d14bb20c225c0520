"""A run's figures as people read them: rows with a direction, an interval and a verdict. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.store.runs import Run


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of a report. `better` is the direction: "less", "more" or "" (stay within a band).

    `low` and `high`: 95 % interval of after minus before, None where it was not measured; `n`: on
    how many; `hard`: a rule that refuses on its own.
    """

    name: str
    title: str
    help: str
    better: str
    is_share: bool
    before: float | None
    after: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    hard: bool = False
    told: str = ""

    @property
    def difference(self) -> float | None:
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def could_be_chance(self) -> bool:
        """Whether the interval of the difference holds zero; False where there is none."""
        return self.low is not None and self.high is not None and self.low <= 0 <= self.high

    @property
    def digits(self) -> int:
        """How many places a figure is worth."""
        return 0 if max(abs(self.before or 0), abs(self.after or 0)) >= 10 else 2

    @property
    def verdict(self) -> str:
        """better, worse, same, no worse or not sure; empty where nothing can be said.

        The evaluation's own word where it has one; better and worse never against the interval.
        """
        if self.told:
            return self.told
        if self.before is None or self.after is None or not self.better:
            return ""
        if self.could_be_chance:
            return "not sure"
        if self.before == self.after:
            return "same"
        return "better" if (self.after < self.before) == (self.better == "less") else "worse"

    @property
    def is_telling(self) -> bool:
        """Whether a reader wants it first: a change that is sure, or what everybody asks about."""
        return bool(self.tone) or self.name in _FIRST

    @property
    def tone(self) -> str:
        """The verdict's colour: better, worse, or none."""
        return self.verdict if self.verdict in ("better", "worse") else ""


# (name of the metric, title, what it means, which way is better, whether it is a share)
_MEASURES = (
    ("nll", "Surprise at your replies", "Loss on replies kept out of training", "less", False),
    ("style", "Likeness to your voice", "0 to 1, on answers to new questions", "more", False),
    ("facts", "Facts right", "Questions from your sources, answered correctly", "more", True),
    ("invented", "Invented numbers", "Drafts with a number that no source holds", "less", True),
    ("length", "Words in a reply", "Must stay in a band around your own replies", "", False),
)
_FIRST = frozenset(name for name, *_ in _MEASURES)
_VERDICTS = frozenset({"better", "worse", "same", "no worse", "not sure"})


def measures(run: Run, scorecard: Sequence[Mapping[str, Any]] = ()) -> list[Measure]:
    """The rows of a run's report: those of its scorecard, or, without one, those of its figures."""
    if scorecard:
        return [_scored(row) for row in scorecard]
    rows = [_measured(run.metrics, *spec) for spec in _MEASURES]
    return [row for row in rows if row.before is not None or row.after is not None]


def _measured(
    metrics: Mapping[str, Any], name: str, title: str, help: str, better: str, is_share: bool
) -> Measure:
    # Only the loss comes with an interval: the others are single shares.
    has_interval = name == "nll"
    return Measure(
        name=name,
        title=title,
        help=help,
        better=better,
        is_share=is_share,
        before=metrics.get(f"{name}_before"),
        after=metrics.get(f"{name}_after"),
        low=metrics.get("nll_low") if has_interval else None,
        high=metrics.get("nll_high") if has_interval else None,
        n=metrics.get("nll_replies") if has_interval else None,
    )


def _scored(row: Mapping[str, Any]) -> Measure:
    """A row of the evaluation's scorecard; what it lacks is left open rather than made up."""
    name = str(row.get("name", ""))
    known = next((spec for spec in _MEASURES if spec[0] == name), None)
    before, after = _number(row.get("before")), _number(row.get("after"))
    verdict = str(row.get("verdict") or "")
    better = str(row.get("better") or (known[3] if known else ""))
    shares = [value for value in (before, after) if value is not None]
    return Measure(
        name=name,
        title=str(row.get("title") or name),
        help=str(row.get("help") or ""),
        better=better if better in ("more", "less") else "",
        is_share=bool(row.get("share", known[4] if known else _looks_like_share(name, shares))),
        before=before,
        after=after,
        low=_number(row.get("low")),
        high=_number(row.get("high")),
        n=int(row["n"]) if _number(row.get("n")) is not None else None,
        hard=bool(row.get("hard")),
        told=verdict if verdict in _VERDICTS else "",
    )


def _looks_like_share(name: str, values: Sequence[float]) -> bool:
    # Reports of before do not say.
    return bool(values) and all(0 <= v <= 1 for v in values) and "nll" not in name


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
