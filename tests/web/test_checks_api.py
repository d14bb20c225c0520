"""The private API of the question list."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from server.store.check_runs import Fingerprints
from server.store.checks import NewCheck
from server.web import auth
from tests.web.conftest import World

BASE = "/api/v1/admin/assistants/acme/checks"
PAGE = {"url": "https://acme.example/returns"}


class Admin:
    """The command line's client."""

    def __init__(self, world: World) -> None:
        self.http = world.app.test_client()
        token = auth.cli_token(world.services.settings)
        self.headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str = "", body: object = None, **more: Any) -> TestResponse:
        sent = {"json": body} if body is not None else {}
        return self.http.open(BASE + path, method=method, headers=self.headers, **sent, **more)


@pytest.fixture
def admin(world: World) -> Admin:
    return Admin(world)


def _done(world: World, content: str, *passed: bool) -> str:
    store, id = world.store, world.assistant.id
    run = store.check_runs.ask(id, requested_by="ana")
    rows = [
        {
            "question": f"Q{n}?",
            "expect": None,
            "passed": p,
            "why": "" if p else "It was answered.",
            "reply": "Yes.",
            "label": "refused",
            "urls": [],
            "ms": 5,
        }
        for n, p in enumerate(passed)
    ]
    store.check_runs.begin(run.id, rows, Fingerprints(content, "m", "1", None))
    store.check_runs.record(run.id, rows)
    return store.check_runs.end(run.id, "done").id


def test_questions_are_added_listed_and_removed(admin: Admin, world: World) -> None:
    made = admin.send("POST", body={"question": "May I?", "expect": PAGE})
    assert made.status_code == 201
    assert made.json["expect"] == PAGE and made.json["author"] == "cli"
    refused = admin.send("POST", body={"question": "Who are you?", "expect": None})
    assert refused.json["expect"] is None
    listed = admin.send("GET").json["checks"]
    assert [c["question"] for c in listed] == ["May I?", "Who are you?"]
    assert admin.send("DELETE", f"/{made.json['id']}").status_code == 200
    assert admin.send("DELETE", f"/{made.json['id']}").status_code == 404
    assert len(admin.send("GET").json["checks"]) == 1
    actions = [e.action for e in world.store.audit.newest()]
    assert actions == ["checks.remove", "checks.add", "checks.add"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"question": "May I?"}, 400, "expect"),
        ({"expect": None}, 400, "question"),
        ([], 400, "question"),
        ({"checks": {}}, 400, "list"),
        ({"checks": [{"question": "A?", "expect": None}, {"question": "B?"}]}, 400, "Row 2"),
        ({"question": "Known?", "expect": None}, 409, "already"),
    ],
)
def test_what_cannot_be_added_is_told_and_nothing_is_kept(
    admin: Admin, world: World, body: object, status: int, said: str
) -> None:
    world.store.checks.add(world.assistant.id, NewCheck("Known?", PAGE), author="x")
    answer = admin.send("POST", body=body)
    assert answer.status_code == status and said in json.dumps(answer.json)
    assert len(world.store.checks.of_assistant(world.assistant.id)) == 1


def test_many_are_imported_as_json_or_as_a_file(admin: Admin) -> None:
    rows = [{"question": "A?", "expect": PAGE}, {"question": "B?", "expect": None}]
    assert admin.send("POST", body={"checks": rows}).json == {"added": 2, "changed": 0}
    table = io.BytesIO(b"question,url,phrase,refuse\nB?,,yes,\nC?,,,yes\n")
    told = admin.send("POST", data={"file": (table, "list.csv")})
    assert told.json == {"added": 1, "changed": 1}


def test_a_run_is_queued_once_shown_and_cancelled(admin: Admin, world: World) -> None:
    assert admin.send("POST", "/runs", {}).status_code == 400
    admin.send("POST", body={"question": "May I?", "expect": PAGE})
    run = admin.send("POST", "/runs", {})
    assert run.status_code == 202 and run.json["status"] == "queued"
    assert world.jobs.queued == [("checks", "check", (run.json["run"],))]
    assert admin.send("POST", "/runs", {}).status_code == 409
    assert admin.send("GET", "/runs").json["runs"][0]["run"] == run.json["run"]
    ended = admin.send("POST", f"/runs/{run.json['run']}/cancel")
    assert ended.json["status"] == "cancelled"
    assert world.jobs.cancelled == [run.json["run"]]
    assert admin.send("POST", f"/runs/{run.json['run']}/cancel").status_code == 409


def test_a_run_is_told_with_its_answers_and_beside_the_one_before(
    admin: Admin, world: World
) -> None:
    world.store.checks.add(world.assistant.id, NewCheck("Q0?", None), author="x")
    first = _done(world, "c1", True, False)
    second = _done(world, "c2", True, True)
    assert admin.send("GET", f"/runs/{first}").json["before"] is None
    told = admin.send("GET", f"/runs/{second}").json
    assert told["before"] == {"run": first, "passed": 1, "total": 2}
    assert (told["changed"], told["fixed"], told["broken"]) == (["content"], ["Q1?"], [])
    assert told["pass_rate"] == 1.0 and told["results"][0]["reply"] == "Yes."
    assert "results" not in admin.send("GET", "/runs").json["runs"][0]


def test_another_assistants_questions_and_runs_are_not_found(admin: Admin, world: World) -> None:
    other = world.store.assistants.create("Other", key="other")
    check = world.store.checks.add(other.id, NewCheck("May I?", PAGE), author="x")
    run = world.store.check_runs.ask(other.id, requested_by="x")
    assert admin.send("DELETE", f"/{check.id}").status_code == 404
    assert admin.send("GET", f"/runs/{run.id}").status_code == 404
    assert admin.send("POST", f"/runs/{run.id}/cancel").status_code == 404


@pytest.mark.parametrize(
    ("role", "method", "path", "allowed"),
    [
        ("viewer", "GET", "", True),
        ("viewer", "GET", "/runs", True),
        ("viewer", "POST", "", False),
        ("viewer", "POST", "/runs", False),
        ("viewer", "DELETE", "/chk_x", False),
        ("reviewer", "POST", "/runs", True),
    ],
)
def test_a10_each_role_may_do_what_is_its_own(
    world: World, role: str, method: str, path: str, allowed: bool
) -> None:
    world.store.checks.add(world.assistant.id, NewCheck("May I?", PAGE), author="x")
    browser = world.client(role)
    headers = {"X-CSRF-Token": browser.token()}
    answer = browser.http.open(BASE + path, method=method, headers=headers, json=None)
    assert (answer.status_code < 300) is allowed, answer.text
    assert allowed or answer.status_code == 403


def test_a09_a_session_without_the_csrf_token_changes_nothing(world: World) -> None:
    browser = world.client("owner")
    answer = browser.http.post(BASE, json={"question": "May I?", "expect": None})
    assert answer.status_code == 403
    assert world.store.checks.of_assistant(world.assistant.id) == []
