"""When a run begins by itself: by cron, by new replies, and within the hours the owner chose. Pure.

Times are the owner's: `0 3 * * *` in Europe/Oslo is three o'clock there, summer and winter.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

from server.store.plans import Plan, PlanSettings

_DAY = timedelta(days=1)


def is_open(chosen: PlanSettings, moment: datetime) -> bool:
    """Whether runs may begin now: the window goes over midnight where it ends before it starts."""
    start, end = chosen.from_hour, chosen.to_hour
    if start == end:
        return True
    hour = moment.astimezone(ZoneInfo(chosen.time_zone)).hour
    return start <= hour < end if start < end else hour >= start or hour < end


def next_open(chosen: PlanSettings, moment: datetime) -> datetime:
    """The first moment from this one on at which runs may begin."""
    if is_open(chosen, moment):
        return moment
    there = moment.astimezone(ZoneInfo(chosen.time_zone))
    opening = there.replace(hour=chosen.from_hour, minute=0, second=0, microsecond=0)
    if opening < there:
        opening = (opening + _DAY).replace(hour=chosen.from_hour)
    return opening.astimezone(UTC)


def next_due(chosen: PlanSettings, after: datetime) -> datetime | None:
    """When the schedule comes next after a moment, the hours left aside; None without one."""
    if not chosen.schedule:
        return None
    there = after.astimezone(ZoneInfo(chosen.time_zone))
    try:
        found: datetime = croniter(chosen.schedule, there).get_next(datetime)
    except CroniterBadDateError:
        return None
    return found.astimezone(UTC)


def next_start(plan: Plan, now: datetime) -> datetime | None:
    """When the schedule begins its next run, the hours heeded; None without a schedule."""
    due = next_due(plan.chosen, min(plan.handled_at, now))
    if due is None:
        return None
    return next_open(plan.chosen, max(due, now))


def why_now(plan: Plan, new_pairs: int, now: datetime) -> str:
    """Why a run is to begin now, in words; empty if none is.

    Times that passed while nobody looked (the server was off, the hours were wrong) make one run,
    not one each.
    """
    if not is_open(plan.chosen, now):
        return ""
    due = next_due(plan.chosen, plan.handled_at)
    if due is not None and due <= now:
        return "the schedule"
    if plan.chosen.every_pairs and new_pairs >= plan.chosen.every_pairs:
        return f"{new_pairs} new replies"
    return ""


def in_words(moment: datetime, zone: str, *, now: datetime) -> str:
    """A moment to come as a person says it: "today at 23:00", "Monday, 30 November at 03:00"."""
    there, here = moment.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    days = (there.date() - here.date()).days
    day = {0: "today", 1: "tomorrow"}.get(days, f"{there:%A}, {there.day} {there:%B}")
    year = f" {there.year}" if there.year != here.year and days > 1 else ""
    return f"{day}{year} at {there:%H:%M} ({zone})"
