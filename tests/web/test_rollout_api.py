"""The private API of rollout: plan, canaries and replays, by role and by assistant."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.web import auth
from tests.web.conftest import World

BASE = "/api/v1/admin/assistants/acme"


class Admin:
    """The command line's client."""

    def __init__(self, world: World) -> None:
        self.http: FlaskClient = world.app.test_client()
        token = auth.cli_token(world.services.settings)
        self.headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str, body: object = None) -> TestResponse:
        sent = {"json": body} if body is not None else {}
        return self.http.open(BASE + path, method=method, headers=self.headers, **sent)


@pytest.fixture
def admin(world: World) -> Admin:
    return Admin(world)


def test_a_plan_is_told_and_changed_in_part(admin: Admin, world: World) -> None:
    assert admin.send("GET", "/plan").json["promote"] == "by hand"
    changes = {"promote": "canary first", "schedule": "0 3 * * 1", "time_zone": "Europe/Oslo"}
    told = admin.send("PATCH", "/plan", changes).json
    assert told.items() >= changes.items() and told["canary_turns"] == 100
    assert admin.send("GET", "/plan").json == told
    entry = world.store.audit.newest()[0]
    assert (entry.action, entry.actor) == ("plan.change", "cli")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"promote": "at once"}, "promote"),
        ({"canary_share": 0.9, "watch_drift": False}, "canary_share"),
        ({"schedule": "often"}, "schedule"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_plan_is_named_and_nothing_of_it_is_kept(
    admin: Admin, changes: dict[str, Any], named: str
) -> None:
    before = admin.send("GET", "/plan").json
    answer = admin.send("PATCH", "/plan", changes)
    assert answer.status_code == 400
    assert answer.json["error"]["message"].startswith(named)
    assert admin.send("GET", "/plan").json == before


def test_a_canary_is_started_as_the_plan_or_the_body_says_and_stopped(
    admin: Admin, world: World
) -> None:
    adapter = world.adapter()
    made = admin.send("POST", f"/adapters/{adapter.id}/canary", {"share": 0.1, "expected": ""})
    assert made.status_code == 201
    assert (made.json["share"], made.json["turns"], made.json["status"]) == (0.1, 100, "running")
    [listed] = admin.send("GET", "/canaries").json["canaries"]
    assert listed == made.json
    rival = admin.send("POST", f"/adapters/{world.adapter().id}/canary", {})
    assert rival.status_code == 409 and "still under way" in rival.json["error"]["message"]
    stop = f"/canaries/{made.json['canary']}/stop"
    assert admin.send("POST", stop).json["status"] == "stopped"
    assert admin.send("POST", stop).status_code == 409


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"share": 2}, "canary_share"),
        ({"turns": "many"}, "canary_turns"),
        ({"speed": 1}, "A canary has no 'speed'."),
        ({"expected": 7}, "Expected is no text."),
        ([], "not a JSON object"),
    ],
)
def test_a_wrong_canary_is_named_and_none_begins(
    admin: Admin, world: World, body: object, told: str
) -> None:
    answer = admin.send("POST", f"/adapters/{world.adapter().id}/canary", body)
    assert answer.status_code == 400 and told in answer.json["error"]["message"]
    assert world.store.canaries.running() == {}


def test_b35_a_canary_against_what_is_no_longer_active_is_a_conflict(
    admin: Admin, world: World
) -> None:
    first, second = world.adapter(), world.adapter()
    world.services.promote(first.id, actor="ben")
    answer = admin.send("POST", f"/adapters/{second.id}/canary", {"expected": ""})
    assert answer.status_code == 409
    assert f"ben promoted {first.id}" in answer.json["error"]["message"]


def test_b31_a_voice_that_did_not_pass_is_neither_tried_nor_replayed(
    admin: Admin, world: World
) -> None:
    refused = world.adapter(passed=False)
    for path in ("canary", "replays"):
        answer = admin.send("POST", f"/adapters/{refused.id}/{path}", {})
        assert answer.status_code == 403 and "did not pass" in answer.json["error"]["message"]


def test_a_replay_is_asked_for_followed_and_cancelled(admin: Admin, world: World) -> None:
    adapter = world.adapter()
    path = f"/adapters/{adapter.id}/replays"
    assert admin.send("POST", path).status_code == 400, "nobody has asked anything yet"
    asked = world.turn("May I return it?")
    made = admin.send("POST", path)
    assert made.status_code == 202
    assert (made.json["status"], made.json["done"], made.json["total"]) == ("running", 0, 1)
    replay = made.json["replay"]
    assert [args for _, _, args in world.jobs.queued] == [(replay,)]
    assert admin.send("POST", path).status_code == 409
    shown = admin.send("GET", f"/replays/{replay}").json
    assert [row["turn"] for row in shown["results"]] == [asked.id]
    assert admin.send("POST", f"/replays/{replay}/cancel").json["status"] == "cancelled"
    assert world.jobs.cancelled == [replay]
    assert [r["replay"] for r in admin.send("GET", path).json["replays"]] == [replay]


def test_another_assistants_things_are_not_found(admin: Admin, world: World) -> None:
    adapter = world.adapter()
    world.turn()
    canary = admin.send("POST", f"/adapters/{adapter.id}/canary", {}).json["canary"]
    replay = admin.send("POST", f"/adapters/{adapter.id}/replays").json["replay"]
    world.store.assistants.create("Other", key="other")
    for method, path in [
        ("POST", f"/adapters/{adapter.id}/canary"),
        ("POST", f"/canaries/{canary}/stop"),
        ("GET", f"/adapters/{adapter.id}/replays"),
        ("POST", f"/adapters/{adapter.id}/replays"),
        ("GET", f"/replays/{replay}"),
        ("POST", f"/replays/{replay}/cancel"),
    ]:
        other = BASE.replace("acme", "other") + path
        answer = admin.http.open(other, method=method, headers=admin.headers, json={})
        assert answer.status_code == 404, path
    assert world.store.canaries.canary(canary).is_running


@pytest.mark.parametrize(
    ("role", "method", "path", "allowed"),
    [
        ("viewer", "GET", "/plan", True),
        ("viewer", "GET", "/canaries", True),
        ("reviewer", "PATCH", "/plan", False),
        ("reviewer", "POST", "/adapters/adp_x/canary", False),
        ("reviewer", "POST", "/canaries/can_x/stop", False),
        ("reviewer", "POST", "/adapters/adp_x/replays", False),
        ("reviewer", "POST", "/replays/rpl_x/cancel", False),
        ("owner", "PATCH", "/plan", True),
    ],
)
def test_a10_each_role_may_do_what_is_its_own(
    world: World, role: str, method: str, path: str, allowed: bool
) -> None:
    browser = world.client(role)
    headers = {"X-CSRF-Token": browser.token()}
    answer = browser.http.open(BASE + path, method=method, headers=headers, json={})
    assert (answer.status_code < 300) is allowed, answer.text
    assert allowed or answer.status_code == 403


def test_a09_a_session_without_the_csrf_token_changes_nothing(world: World) -> None:
    answer = world.client("owner").http.patch(f"{BASE}/plan", json={"watch_drift": False})
    assert answer.status_code == 403
    assert world.store.plans.of(world.assistant.id).chosen.watch_drift


def test_without_a_token_nothing_is_told(world: World) -> None:
    assert world.app.test_client().get(f"{BASE}/plan").status_code == 401
