"""What a run's report says to somebody who never trained a model, and how long a run still takes.

Pure functions of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.store.runs import GROUNDING, Run
from server.web.console.tuning.measures import Measure

STAGES = ("pairs", "train", "merge", "evaluate", "gate")
_WHAT = {
    "pairs": "collecting",
    "train": "training",
    "merge": "merging",
    "evaluate": "measuring",
    "gate": "deciding",
}
_TONES = {"better": "good", "worse": "bad"}
# Before that the pace of a stage says little.
_SETTLED_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of the report in plain words; `tone`: good, bad or muted."""

    tone: str
    text: str


def headline(run: Run) -> Sentence:
    """What came of a run, in one sentence."""
    if run.status == "passed" and run.kind == GROUNDING:
        text = "It may answer your visitors: in its own words more often, and no rule objects."
        return Sentence("good", text)
    if run.status == "passed":
        text = "It may answer your visitors: it sounds more like you, and no rule objects."
        return Sentence("good", text)
    if run.status == "refused":
        return Sentence("bad", "It must not answer your visitors. What answers now stays as it is.")
    if run.status == "cancelled":
        return Sentence("muted", "This run was called off. Nothing was changed.")
    if run.status == "failed":
        return Sentence("bad", "This run did not come to its end. Nothing was changed.")
    return Sentence("muted", "This run is under way.")


def in_plain_words(run: Run, rows: Sequence[Measure]) -> list[Sentence]:
    """The report for a non-specialist: voice, truth, form, and how sure all of it is."""
    by_name = {row.name: row for row in rows}
    told = [
        *_voice(by_name.get("style")),
        *_surprise(by_name.get("nll")),
        *(_own_words(by_name.get("own_words")) if run.kind == GROUNDING else ()),
        *_facts(by_name.get("facts")),
        *_invented(by_name.get("invented")),
        *_length(by_name.get("words") or by_name.get("length"), run.metrics),
    ]
    asked = run.metrics.get("facts_asked")
    if run.kind == GROUNDING and asked:
        text = f"Measured on {asked} questions from your headings that it never saw in training."
        told.append(Sentence("muted", f"{text} With so few, small differences are chance."))
    held = run.metrics.get("pairs_held_out")
    if held:
        told.append(
            Sentence(
                "muted",
                f"Measured on {held} of your replies that it never saw in training, and on "
                f"questions from your content. With so few, small differences are chance.",
            )
        )
    return told


def time_left(run: Run, earlier: Sequence[Run]) -> str:
    """How long a run still takes, in words, as far as that can be said honestly.

    The stage at work by its own pace; the stages after it as long as in the last run that came to
    its end. Where there was none, that is said.
    """
    if run.status == "queued":
        return "It begins when the tuning worker is free."
    progress = run.progress
    done, total = progress.get("done") or 0, progress.get("total") or 0
    spent = float(progress.get("seconds") or 0)
    now_left = spent * (total - done) / done if done and spent >= _SETTLED_SECONDS else None
    # Taken up again, a stage has done more than its seconds tell: training knows its own pace.
    now_left = progress.get("left") or now_left
    last = _last_seconds(earlier)
    if now_left is None and last and run.stage in last:
        now_left = max(0.0, last[run.stage] - spent)
    if now_left is None:
        return "How long it takes will be clear in a few seconds."
    later = STAGES[STAGES.index(run.stage) + 1 :] if run.stage in STAGES else ()
    if not later or later == ("gate",):
        return f"About {duration(now_left)} left."
    what = " and ".join(_WHAT[stage] for stage in later if stage != "gate")
    if last is None:
        at = _WHAT[run.stage]
        return f"About {duration(now_left)} left for {at}; then {what}, not timed here before."
    rest = sum(last.get(stage, 0.0) for stage in later)
    return f"About {duration(now_left + rest)} left ({what} took {duration(rest)} last time)."


def usual_duration(earlier: Sequence[Run]) -> str:
    """How long the last run that came to its end took; empty if there was none."""
    took = next((r.metrics.get("seconds") for r in earlier if r.metrics.get("seconds")), None)
    return duration(float(took)) if took else ""


def duration(seconds: float) -> str:
    """A stretch of time, no finer than it can be known."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"{round(seconds / 5) * 5} seconds"
    minutes = seconds / 60
    if minutes < 10:
        half = round(minutes * 2) / 2
        return f"{half:g} minutes"
    return f"{round(minutes)} minutes" if minutes < 90 else f"{round(minutes / 6) / 10:g} hours"


def _last_seconds(earlier: Sequence[Run]) -> Mapping[str, float] | None:
    return next((_stages(r) for r in earlier if _stages(r)), None)


def _stages(run: Run) -> dict[str, float]:
    found: Any = run.metrics.get("stage_seconds") or {}
    return {name: float(value) for name, value in found.items()}


def _voice(row: Measure | None) -> list[Sentence]:
    if row is None or row.before is None or row.after is None:
        return []
    return [
        Sentence(
            _TONES.get(row.verdict, "muted"),
            f"Where 100% is your own voice, its answers to new questions reach {row.after:.0%}; "
            f"before it was {row.before:.0%}.",
        )
    ]


def _surprise(row: Measure | None) -> list[Sentence]:
    if row is None or row.before is None or row.after is None:
        return []
    if row.high is not None and row.high < 0:
        text = "Your own replies became more likely to it, and surely not by chance."
        return [Sentence("good", text)]
    return [Sentence("bad", "Your own replies did not become surely more likely to it.")]


def _own_words(row: Measure | None) -> list[Sentence]:
    if row is None or row.before is None or row.after is None:
        return []
    surely = row.low is not None and row.low > 0
    return [
        Sentence(
            "good" if surely else "bad",
            f"It answers {row.after:.0%} of the questions in words of its own that stand the "
            f"check, before it was {row.before:.0%}; the rest is quoted from your pages."
            f"{'' if surely else ' That could be chance.'}",
        )
    ]


def _facts(row: Measure | None) -> list[Sentence]:
    if row is None or row.before is None or row.after is None:
        return []
    if row.after >= row.before:
        text = f"It gets as many facts right as before ({row.after:.0%} of the questions asked)."
        return [Sentence("good", text)]
    shares = f"{row.after:.0%} of the questions asked, {row.before:.0%} before"
    if row.could_be_chance:
        return [Sentence("muted", f"Facts it got right: {shares}. That could be chance.")]
    return [Sentence("bad", f"It gets fewer facts right: {shares}.")]


def _invented(row: Measure | None) -> list[Sentence]:
    if row is None or row.after is None or row.before is None:
        return []
    if row.after <= row.before:
        return [Sentence("good", "It makes up no more numbers than before.")]
    text = f"It made up numbers in {row.after:.0%} of its drafts, {row.before:.0%} before."
    return [Sentence("bad", text + " The check keeps those from visitors.")]


def _length(row: Measure | None, metrics: Mapping[str, Any]) -> list[Sentence]:
    owner = metrics.get("length_owner")
    if row is None or row.after is None or not owner:
        return []
    text = f"Its answers have {row.after:.0f} words on average; yours have {owner:.0f}."
    return [Sentence("muted", text)]
