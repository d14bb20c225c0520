"""The plan: what happens by itself, as a form and in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Response, request
from pydantic import ValidationError

from server.rollout.grounding import SETTLED
from server.rollout.schedule import in_words, next_start
from server.store.assistants import Assistant
from server.store.database import now
from server.store.plans import AUTO, CANARY_FIRST, WHEN_PASSED, Plan, PlanSettings
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, show

_RESTED = SETTLED // timedelta(minutes=1)
_NUMBERS = ("canary_turns", "canary_days", "every_pairs", "from_hour", "to_hour")
_TEXTS = ("promote", "schedule", "time_zone", "grounding")


@blueprint.get("/<key>/tuning/plan")
@auth.require("viewer")
def plan(key: str) -> Response:
    return _page(assistant_at(key))


@blueprint.post("/<key>/tuning/plan")
@auth.require("owner")
def save_plan(key: str) -> Response:
    """Store all fields, or none and say at each wrong one what is wrong."""
    assistant, store = assistant_at(key), auth.services().store
    before = store.plans.of(assistant.id).chosen.model_dump()
    given = _given()
    if wrong := _wrong(before | given):
        return _page(assistant, typed=_typed(), wrong=wrong)
    store.plans.change(assistant.id, given)
    changed = sorted(name for name, value in given.items() if str(before[name]) != str(value))
    store.audit.add(auth.actor(), "plan.change", assistant.id, fields=changed)
    return back_to("plan", key=key, done="planned")


def plan_in_words(plan: Plan, *, now: datetime) -> list[str]:
    """What will happen by itself, a sentence each; the console says it wherever it matters."""
    chosen = plan.chosen
    told = []
    start = next_start(plan, now)
    if start is not None:
        told.append(f"The next run begins {in_words(start, chosen.time_zone, now=now)}.")
    if chosen.every_pairs:
        told.append(f"A run begins once there are {chosen.every_pairs} new replies.")
    if chosen.grounding == AUTO:
        told.append(f"New content makes a grounding run once it has rested for {_RESTED} minutes.")
    if not told:
        told.append("Runs begin by hand only.")
    elif chosen.from_hour != chosen.to_hour:
        told.append(
            f"By themselves they begin between {chosen.from_hour}:00 and {chosen.to_hour}:00 only "
            f"({chosen.time_zone})."
        )
    told.append(_promotion(chosen))
    told.append(
        "A promoted voice that does surely worse is rolled back by itself."
        if chosen.watch_drift
        else "Nobody watches a promoted voice but you."
    )
    return told


def _promotion(chosen: PlanSettings) -> str:
    if chosen.promote == WHEN_PASSED:
        return "What passes the gate answers everybody at once."
    if chosen.promote == CANARY_FIRST:
        return (
            f"What passes the gate answers {chosen.canary_share:.0%} of the visitors first, until "
            f"{chosen.canary_turns} turns say that it is no worse."
        )
    return "What passes the gate waits for you to promote it."


def _page(
    assistant: Assistant,
    *,
    typed: dict[str, Any] | None = None,
    wrong: dict[str, str] | None = None,
) -> Response:
    stored = auth.services().store.plans.of(assistant.id)
    chosen = stored.chosen.model_dump()
    return show(
        "plan.html",
        status=400 if wrong else 200,
        assistant=assistant,
        values=typed or chosen | {"canary_share": round(chosen["canary_share"] * 100)},
        wrong=wrong or {},
        planned=plan_in_words(stored, now=now()),
        outcome=stored.outcome,
        handled_at=stored.handled_at,
    )


def _given() -> dict[str, Any]:
    form = request.form
    given: dict[str, Any] = {name: form.get(name, "").strip() for name in (*_TEXTS, *_NUMBERS)}
    given["canary_share"] = _share(form.get("canary_share", "").strip())
    return given | {"watch_drift": form.get("watch_drift") == "on"}


def _share(text: str) -> Any:
    """Per cent as a share; what is no number stays as it is, for the check to name it."""
    try:
        return float(text) / 100
    except ValueError:
        return text


def _typed() -> dict[str, Any]:
    typed: dict[str, Any] = {
        name: request.form.get(name, "") for name in (*_TEXTS, *_NUMBERS, "canary_share")
    }
    return typed | {"watch_drift": request.form.get("watch_drift") == "on"}


def _wrong(values: dict[str, Any]) -> dict[str, str]:
    """What is wrong, by field."""
    try:
        PlanSettings.model_validate(values)
    except ValidationError as error:
        return {
            str(e["loc"][0]) if e["loc"] else "schedule": _plain(str(e["msg"]))
            for e in error.errors()
        }
    return {}


def _plain(message: str) -> str:
    text = message.removeprefix("Value error, ").rstrip(".")
    return text.replace("Input should be", "It should be") + "."
