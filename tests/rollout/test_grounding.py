"""When a grounding run is offered, when one begins by itself, and what it does not replace."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.prompt import PROMPT_VERSION
from server.rollout.following import follow_plan
from server.rollout.grounding import Standing, begins_now, is_offered, standing_of
from server.store import Store
from server.store.adapters import Adapter
from server.store.assistants import Assistant
from server.store.database import new_id, now
from server.store.plans import Plan, PlanSettings

SINCE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LATER = SINCE + timedelta(minutes=30)
DUE = Standing(
    ready=True,
    sentence="90 headings.",
    since=SINCE,
    is_read=True,
    is_asked=False,
    is_tuned=False,
    is_busy=False,
)


def _plan(**chosen: Any) -> Plan:
    return Plan("ast_x", PlanSettings(**chosen), SINCE, "")


def _adapter(store: Store, assistant: Assistant, kind: str) -> Adapter:
    run = store.runs.ask(assistant.id, config={"kind": kind}, requested_by="t")
    store.runs.end(run.id, "passed")
    told = {"config": {"kind": kind}}
    made = Adapter(
        0, new_id("adp"), assistant.id, run.id, run.id, "b", PROMPT_VERSION, "x", told, {}, True,
        now(),
    )  # fmt: skip
    return store.adapters.register(made)


@pytest.fixture
def shop(sqlite_store: Store) -> Assistant:
    """An assistant whose one source is read and counted."""
    made = sqlite_store.assistants.create("Shop")
    source = sqlite_store.knowledge.add_source(made.id, "website", "https://shop.example/", {})
    sqlite_store.knowledge.set_source(source.id, status="ready")
    counted = {"ready": True, "sentence": "90 headings.", "since": SINCE.isoformat()}
    sqlite_store.meters.put(made.id, "m", {"grounding": counted})
    return made


def test_by_default_it_is_offered_and_does_not_begin() -> None:
    assert is_offered(_plan(), DUE)
    assert not begins_now(_plan(), DUE, LATER)


def test_it_begins_by_itself_half_an_hour_after_the_content_came_to_rest() -> None:
    auto = _plan(grounding="auto")
    assert not begins_now(auto, DUE, LATER - timedelta(seconds=1))
    assert begins_now(auto, DUE, LATER)


@pytest.mark.parametrize(
    "hindered",
    [
        {"ready": False},
        {"is_asked": True},
        {"is_tuned": True},
        {"is_busy": True},
    ],
)
def test_what_stands_against_it_stands_against_offer_and_beginning(
    hindered: dict[str, Any],
) -> None:
    standing = replace(DUE, **hindered)
    assert not is_offered(_plan(), standing)
    assert not begins_now(_plan(grounding="auto"), standing, LATER)


def test_while_a_source_is_read_or_the_hours_are_closed_it_does_not_begin() -> None:
    assert not begins_now(_plan(grounding="auto"), replace(DUE, is_read=False), LATER)
    night = _plan(grounding="auto", from_hour=22, to_hour=6)
    assert not begins_now(night, DUE, LATER)
    assert begins_now(night, DUE, LATER.replace(hour=23))


def test_switched_off_it_is_neither_offered_nor_begun() -> None:
    assert not is_offered(_plan(grounding="off"), DUE)
    assert not begins_now(_plan(grounding="off"), DUE, LATER)


def test_the_standing_is_read_from_what_is_stored(sqlite_store: Store, shop: Assistant) -> None:
    assert standing_of(sqlite_store, shop.id) == DUE
    [source] = sqlite_store.knowledge.sources(shop.id)
    sqlite_store.knowledge.set_source(source.id, status="running")
    run = sqlite_store.runs.ask(shop.id, config={"kind": "grounding"}, requested_by="t")
    found = standing_of(sqlite_store, shop.id)
    assert found == replace(DUE, is_read=False, is_asked=True, is_busy=True)
    sqlite_store.runs.end(run.id, "refused")
    voice = _adapter(sqlite_store, shop, "voice")
    sqlite_store.adapters.activate(shop.id, voice.id, reason="promoted", actor="t")
    found = standing_of(sqlite_store, shop.id)
    assert found == replace(DUE, is_read=False, is_asked=True, is_tuned=True)


def test_before_anything_was_counted_nothing_is_said(sqlite_store: Store) -> None:
    assert standing_of(sqlite_store, sqlite_store.assistants.create("New").id) is None


def test_a_grounded_model_is_promoted_by_itself_only_where_no_voice_answers(
    sqlite_store: Store, shop: Assistant
) -> None:
    sqlite_store.plans.change(shop.id, {"promote": "when the gate passes"})
    first = _adapter(sqlite_store, shop, "grounding")
    assert follow_plan(sqlite_store, first, expected="").startswith("Promoted by itself")
    voice = _adapter(sqlite_store, shop, "voice")
    made = sqlite_store.adapters.activate(shop.id, voice.id, reason="promoted", actor="t")
    second = _adapter(sqlite_store, shop, "grounding")
    told = follow_plan(sqlite_store, second, expected=made.id)
    assert told == ("Not promoted by itself: it would take the place of your voice, so you decide.")
    active = sqlite_store.adapters.active(shop.id)[1]
    assert active is not None and active.id == voice.id
