"""`parlance tune schedule`, `parlance adapters canary` and `trial`: what happens by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import click

from server import config
from server.cli import emit, json_option
from server.errors import Invalid
from server.llm.promotion import start_canary
from server.rollout.watching import stop_canary
from server.store import Store, open_store
from server.store.plans import parse_plan
from tuning.telling import (
    canary_as_row,
    canary_in_words,
    plan_as_row,
    plan_in_words,
    planned_changes,
)

_ACTOR = "cli"


def add_rollout(tune: click.Group, adapters: click.Group) -> None:
    """Add the commands to their groups."""
    tune.add_command(schedule_tuning)
    adapters.add_command(try_adapter)
    adapters.add_command(show_trial)


@click.command("schedule")
@click.argument("key")
@click.argument("cron", required=False)
@click.option("--off", is_flag=True, help="Begin no run by itself any more.")
@click.option("--every-pairs", type=int, help="Begin a run after so many new replies; 0: never.")
@click.option("--hours", help="Begin between these hours only, such as 22-6; 0-0: at any time.")
@click.option("--time-zone", help="Whose hours those are, such as Europe/Oslo.")
@click.option("--promote", help="by hand, when the gate passes, or canary first.")
@click.option(
    "--grounding",
    type=click.Choice(["off", "ask", "auto"]),
    help="After new content: offer a grounding run, begin it, or neither.",
)
@click.option("--watch", type=click.Choice(["on", "off"]), help="Roll back what does worse.")
@json_option
def schedule_tuning(key: str, cron: str | None, as_json: bool, **options: Any) -> None:
    """Show or change what tuning does by itself: CRON is five fields, such as "0 3 * * 1"."""
    changes = planned_changes(cron, **options)
    with _opened() as store:
        assistant = store.assistants.by_key(key)
        if changes:
            store.plans.change(assistant.id, changes)
            store.audit.add(_ACTOR, "plan.change", assistant.id, fields=sorted(changes))
        plan = store.plans.of(assistant.id)
    emit(as_json, plan_as_row(plan), plan_in_words(plan))


@click.command("canary")
@click.argument("adapter_id")
@click.option("--share", type=float, help="Of the visitors, from 0.05 to 0.5; default: the plan's.")
@click.option("--turns", type=int, help="How many are enough; default: the plan's.")
@click.option("--days", type=int, help="The cap in time; default: the plan's.")
@json_option
def try_adapter(adapter_id: str, as_json: bool, **options: Any) -> None:
    """Let an adapter that passed answer a share of the visitors, until it is judged."""
    with _opened() as store:
        found = store.adapters.adapter(adapter_id)
        chosen = store.plans.of(found.assistant_id).chosen.model_dump()
        given = {f"canary_{n}": v for n, v in options.items() if v is not None}
        trial = parse_plan(chosen | given).trial
        canary = start_canary(store, found.id, trial, actor=_ACTOR)
    told = f"{found.id} answers {canary.share:.0%} of the visitors: parlance adapters trial KEY"
    emit(as_json, canary_as_row(canary), told)


@click.command("trial")
@click.argument("key")
@click.option("--stop", is_flag=True, help="End the canary under way; nothing else changes.")
@json_option
def show_trial(key: str, stop: bool, as_json: bool) -> None:
    """Show the newest canary of an assistant, and how it stands."""
    with _opened() as store:
        made = store.canaries.of_assistant(store.assistants.by_key(key).id, limit=1)
        if not made:
            raise Invalid("There was no canary yet.", hint="Start one: parlance adapters canary ID")
        canary = stop_canary(store, made[0].id, actor=_ACTOR) if stop else made[0]
    emit(as_json, canary_as_row(canary), canary_in_words(canary))


@contextmanager
def _opened() -> Iterator[Store]:
    settings = config.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.database)
    with closing(store.database):
        yield store
