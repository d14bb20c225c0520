"""Runs, plans, meters and canaries on the command line: as rows for scripts, in words. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from server.errors import Invalid
from server.rollout.schedule import in_words, next_start
from server.store.canaries import Canary
from server.store.database import now
from server.store.plans import AUTO, Plan
from tuning.meter import Meter
from tuning.readiness import ContentReadiness


def meter_in_words(meter: Meter) -> str:
    """The meter as lines."""
    pages, lengths, expected = meter.pages, meter.lengths, meter.expected
    lines = [
        f"{'Ready.' if meter.ready else 'Not yet.'} {meter.sentence}",
        f"  topics          {pages['touched']} of {pages['all']} pages touched",
        f"  contradictions  {len(meter.contradictions)}",
        f"  length          {lengths['low']} to {lengths['high']} words"
        f"{'' if lengths['balanced'] else ' (unlike)'}",
        f"  new             {meter.new} since the last run",
    ]
    if expected["half_width"] is not None:
        lines.append(
            f"  sure to         ± {expected['half_width'] * 100:.0f} points, "
            f"with {expected['held_out']} replies kept aside"
        )
    lines += ["Next:", *(f"  {n}. {step}" for n, step in enumerate(meter.next_steps, start=1))]
    if meter.review_next:
        lines.append("Answers to judge next:")
        lines += [f"  {row['turn']}  {row['question'][:60]}" for row in meter.review_next]
    return "\n".join(lines)


def content_in_words(found: ContentReadiness, key: str) -> str:
    """What the content could teach, in a line, with the command where it is enough."""
    how = f" Start it: parlance tune run {key} --kind grounding" if found.ready else ""
    return f"Grounding: {found.sentence}{how}"


def planned_changes(cron: str | None, **options: Any) -> dict[str, Any]:
    """What the options of `tune schedule` change in a plan; Invalid if they cannot be read."""
    watch, hours = options.pop("watch"), options.pop("hours")
    changes = {"schedule": "", "every_pairs": 0} if options.pop("off") else {}
    changes |= {name: value for name, value in options.items() if value is not None}
    if cron is not None:
        changes["schedule"] = cron
    if watch is not None:
        changes["watch_drift"] = watch == "on"
    if hours is not None:
        start, dash, end = hours.partition("-")
        if not (dash and start.strip().isdigit() and end.strip().isdigit()):
            raise Invalid(f"{hours!r} are no hours.", hint="Write them as 22-6.")
        changes |= {"from_hour": int(start), "to_hour": int(end)}
    return changes


def plan_as_row(plan: Plan) -> dict[str, Any]:
    start = next_start(plan, now())
    return plan.chosen.model_dump() | {
        "next": start.isoformat() if start else None,
        "outcome": plan.outcome,
    }


def plan_in_words(plan: Plan) -> str:
    """When the next run begins, and what becomes of a voice that passes."""
    chosen, start = plan.chosen, next_start(plan, now())
    lines = []
    if start is not None:
        lines.append(f"The next run begins {in_words(start, chosen.time_zone, now=now())}.")
    if chosen.every_pairs:
        lines.append(f"A run begins after {chosen.every_pairs} new replies.")
    if chosen.grounding == AUTO:
        lines.append("A grounding run begins once new content has settled.")
    lines.append(f"{'' if lines else 'Runs begin by hand. '}Promotion: {chosen.promote}.")
    if plan.outcome:
        lines.append(f"Last time: {plan.outcome}")
    return "\n".join(lines)


def canary_as_row(canary: Canary) -> dict[str, Any]:
    times = ("created_at", "finished_at", "ends_at")
    row = {n: v for n, v in asdict(canary).items() if n not in ("seq", *times)}
    moments = {name: getattr(canary, name) for name in times}
    return row | {name: at.isoformat() if at else None for name, at in moments.items()}


def canary_in_words(canary: Canary) -> str:
    """How a canary stands or ended, with its figures."""
    lines = [f"{canary.adapter_id}: {canary.status}. {canary.reason}".strip()]
    for row in canary.figures:
        lines.append(
            f"  {row['title']:20} {row['before']:6.1%} of {row['n_before']:5} without, "
            f"{row['after']:6.1%} of {row['n_after']:5} with "
            f"({row['low']:+.1%} to {row['high']:+.1%})"
        )
    return "\n".join(lines)


def run_state(told: dict[str, Any]) -> str:
    return f"Run {told['run']}: {told['status']} {told['stage']} {told.get('error', '')}".strip()


def run_report(told: dict[str, Any]) -> str:
    """A run's figures for people."""
    figures, gate = told.get("metrics") or {}, told.get("gate") or {}
    lines = [f"Run {told['run']}: adapter {told['adapter']}"]
    for name in ("nll", "style", "own_words", "facts", "length"):
        before, after = figures.get(f"{name}_before"), figures.get(f"{name}_after")
        if before is not None and after is not None:
            lines.append(f"  {name:9} {before:8.3f} -> {after:8.3f}")
    if told.get("seconds"):
        rows = _learnt(told["pairs"], figures.get("grounding") or 0)
        lines.append(f"  {rows}, {told['seconds']:.0f} s, {told['peak_mb']} MB")
    if figures.get("promotion"):
        lines.append(str(figures["promotion"]))
    elif gate.get("passed"):
        lines.append(f"The gate passed it: parlance adapters promote {told['adapter']}")
    else:
        lines += ["The gate refused it:", *(f"  - {reason}" for reason in gate.get("reasons", []))]
    return "\n".join(lines)


def _learnt(pairs: int, grounding: int) -> str:
    rows = f"{grounding} rows from the content"
    return rows if not pairs else f"{pairs} pairs, {rows}" if grounding else f"{pairs} pairs"
