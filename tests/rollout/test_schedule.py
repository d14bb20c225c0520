"""When runs begin by themselves: cron in the owner's zone, new replies, hours, words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from server.errors import Invalid
from server.rollout.schedule import in_words, is_open, next_due, next_open, next_start, why_now
from server.store.plans import Plan, PlanSettings, parse_plan


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _plan(handled: str, **chosen: Any) -> Plan:
    return Plan("ast_x", PlanSettings(**chosen), _at(handled), "")


@pytest.mark.parametrize(
    ("after", "due"),
    [
        # Winter: Oslo is an hour ahead; summer: two.
        ("2026-01-10T12:00", "2026-01-11T02:00"),
        ("2026-07-10T12:00", "2026-07-11T01:00"),
        # The night in which the clock jumps from two to three, and the one in which it goes back.
        ("2026-03-28T12:00", "2026-03-29T01:00"),
        ("2026-10-24T12:00", "2026-10-25T02:00"),
    ],
)
def test_three_at_night_is_three_at_night_there_summer_and_winter(after: str, due: str) -> None:
    chosen = PlanSettings(schedule="0 3 * * *", time_zone="Europe/Oslo")
    assert next_due(chosen, _at(after)) == _at(due)


@pytest.mark.parametrize(
    ("hour", "expected"), [(21, False), (22, True), (23, True), (0, True), (5, True), (6, False)]
)
def test_hours_may_go_over_midnight(hour: int, expected: bool) -> None:
    chosen = PlanSettings(from_hour=22, to_hour=6)
    assert is_open(chosen, _at(f"2026-11-24T{hour:02}:30")) is expected


def test_a_window_that_is_closed_opens_at_its_hour() -> None:
    night = PlanSettings(from_hour=22, to_hour=6, time_zone="Europe/Oslo")
    assert next_open(night, _at("2026-11-24T09:10")) == _at("2026-11-24T21:00")
    morning = PlanSettings(from_hour=1, to_hour=4)
    assert next_open(morning, _at("2026-11-24T09:10")) == _at("2026-11-25T01:00")
    assert next_open(PlanSettings(), _at("2026-11-24T09:10")) == _at("2026-11-24T09:10")


def test_what_is_due_begins_once_even_if_nobody_looked_for_days() -> None:
    plan = _plan("2026-11-20T12:00", schedule="0 3 * * *")
    assert why_now(plan, 0, _at("2026-11-21T02:59")) == ""
    assert why_now(plan, 0, _at("2026-11-24T09:00")) == "the schedule"
    handled = _plan("2026-11-24T09:00", schedule="0 3 * * *")
    assert why_now(handled, 0, _at("2026-11-24T09:01")) == ""


def test_what_is_due_in_closed_hours_waits_for_them() -> None:
    plan = _plan("2026-11-23T12:00", schedule="0 12 * * *", from_hour=22, to_hour=6)
    assert why_now(plan, 0, _at("2026-11-24T12:01")) == ""
    assert next_start(plan, _at("2026-11-24T12:01")) == _at("2026-11-24T22:00")
    assert why_now(plan, 0, _at("2026-11-24T22:00")) == "the schedule"


def test_new_replies_begin_a_run_once_there_are_enough() -> None:
    plan = _plan("2026-11-24T09:00", every_pairs=20)
    assert why_now(plan, 19, _at("2026-11-24T10:00")) == ""
    assert why_now(plan, 20, _at("2026-11-24T10:00")) == "20 new replies"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-11-24T22:00", "today at 23:00 (Europe/Oslo)"),
        ("2026-11-25T02:00", "tomorrow at 03:00 (Europe/Oslo)"),
        ("2026-11-30T02:00", "Monday, 30 November at 03:00 (Europe/Oslo)"),
        ("2027-01-04T02:00", "Monday, 4 January 2027 at 03:00 (Europe/Oslo)"),
    ],
)
def test_the_next_run_is_told_as_people_say_it(moment: str, words: str) -> None:
    assert in_words(_at(moment), "Europe/Oslo", now=_at("2026-11-24T09:00")) == words


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("schedule", "every night", "five fields"),
        ("schedule", "* * * * * *", "five fields"),
        ("schedule", "0 25 * * *", "five fields"),
        ("schedule", "@daily", "five fields"),
        ("schedule", "0 0 31 2 *", "never comes"),
        ("time_zone", "Oslo", "such as Europe/Oslo"),
        ("time_zone", "../../etc/passwd", "such as Europe/Oslo"),
        ("canary_share", 0.9, "canary_share"),
        ("canary_turns", 10, "canary_turns"),
        ("from_hour", 24, "from_hour"),
        ("every_pairs", -1, "every_pairs"),
        ("promote", "always", "promote"),
        ("unknown", 1, "unknown"),
    ],
)
def test_a_wrong_plan_is_named(field: str, value: Any, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        parse_plan({field: value})
