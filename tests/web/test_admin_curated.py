"""Curated answers over the private API."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from server.web import auth
from tests.web.conftest import World

API = "/api/v1/admin"
LIST = f"{API}/assistants/acme/curated"


@pytest.fixture
def http(world: World) -> FlaskClient:
    client = world.app.test_client()
    token = auth.cli_token(world.services.settings)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def test_an_answer_is_added_listed_changed_and_removed(http: FlaskClient, world: World) -> None:
    turn = world.turn()
    body = {"question": "May I return it?", "answer": "Yes.", "url": "https://x.org/r"}
    added = http.post(LIST, json=body | {"variants": ["Returns?"], "turn": turn.id})
    assert added.status_code == 201 and added.json["turn"] == turn.id
    id = added.json["id"]
    world.store.curated.record_hit(id, turn.id, 0.91)
    listed = http.get(LIST).json
    assert listed["contradictions"] == [] and 0.5 <= listed["threshold"] <= 1
    row = listed["curated"][0]
    assert (row["hits"], row["status"], row["variants"]) == (1, "approved", ["Returns?"])
    assert row["last_hit"].endswith("+00:00") and "embeddings" not in row
    changed = http.patch(f"{API}/curated/{id}", json={"answer": "No."}).json
    assert (changed["answer"], changed["url"], changed["variants"]) == (
        "No.",
        "https://x.org/r",
        ["Returns?"],
    )
    assert http.patch(f"{API}/curated/{id}", json={"status": "off"}).json["status"] == "off"
    hit = http.get(f"{API}/curated/{id}/hits").json["hits"][0]
    assert (hit["turn_id"], hit["question"], hit["score"]) == (turn.id, turn.question, 0.91)
    assert http.delete(f"{API}/curated/{id}").json == {"removed": id}
    assert http.get(f"{API}/curated/{id}/hits").status_code == 404
    actions = [entry.action for entry in world.store.audit.newest()]
    assert actions == ["curated.remove", "curated.change", "curated.change", "curated.add"]


def test_an_answer_that_is_off_may_be_changed_and_approved_in_one_go(http: FlaskClient) -> None:
    first = http.post(LIST, json={"question": "A?", "answer": "1."}).json["id"]
    http.patch(f"{API}/curated/{first}", json={"status": "off"})
    http.post(LIST, json={"question": "a", "answer": "2."})
    assert http.patch(f"{API}/curated/{first}", json={"status": "approved"}).status_code == 409
    both = http.patch(f"{API}/curated/{first}", json={"question": "B?", "status": "approved"})
    assert (both.json["question"], both.json["status"]) == ("B?", "approved")


@pytest.mark.parametrize(
    ("before", "body", "refused"),
    [
        ("approved", {"status": "off", "url": "javascript:x"}, 400),
        ("approved", {"status": "on", "answer": "3."}, 400),
        ("off", {"status": "approved", "answer": "3."}, 409),
        ("approved", {"answer": "3.", "seen": "2020-01-01T00:00:00+00:00"}, 409),
        ("approved", {"status": "off", "seen": "2020-01-01T00:00:00+00:00"}, 409),
    ],
)
def test_a_refused_change_changes_nothing(
    http: FlaskClient, world: World, before: str, body: dict[str, str], refused: int
) -> None:
    made = http.post(LIST, json={"question": "A?", "answer": "1."}).json["id"]
    http.patch(f"{API}/curated/{made}", json={"status": before})
    if before == "off":
        http.post(LIST, json={"question": "a", "answer": "2."})
    known, told = world.store.curated.get(made), len(world.store.audit.newest())
    assert http.patch(f"{API}/curated/{made}", json=body).status_code == refused
    assert world.store.curated.get(made) == known
    assert len(world.store.audit.newest()) == told


def test_a_change_to_what_was_seen_is_made(http: FlaskClient) -> None:
    made = http.post(LIST, json={"question": "A?", "answer": "1."}).json
    body = {"answer": "2.", "status": "off", "seen": made["updated_at"]}
    changed = http.patch(f"{API}/curated/{made['id']}", json=body).json
    assert (changed["answer"], changed["status"]) == ("2.", "off")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"question": "A?"},
        {"question": 1, "answer": "x"},
        {"question": "A?", "answer": ["x"]},
        {"question": "A?", "answer": "x", "variants": "B?"},
        {"question": "A?", "answer": "x", "variants": [1]},
        {"question": "A?", "answer": "x", "url": "ftp://x"},
        {"question": "A" * 501, "answer": "x"},
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(
    http: FlaskClient, world: World, body: object
) -> None:
    answer = http.post(LIST, json=body)
    assert answer.status_code == 400 and answer.json["error"]["message"]
    assert answer.json["error"]["hint"]
    assert world.store.curated.all(world.assistant.id) == []


def test_unknown_things_are_not_found(http: FlaskClient) -> None:
    body = {"question": "A?", "answer": "x", "turn": "trn_none"}
    assert http.post(LIST, json=body).status_code == 404
    assert http.patch(f"{API}/curated/cur_none", json={"answer": "x"}).status_code == 404
    assert http.delete(f"{API}/curated/cur_none").status_code == 404
    made = http.post(LIST, json={"question": "A?", "answer": "x"}).json["id"]
    wrong = http.patch(f"{API}/curated/{made}", json={"colour": "red"})
    assert wrong.status_code == 400 and "colour" in wrong.json["error"]["message"]
    assert http.patch(f"{API}/curated/{made}", json={"status": "on"}).status_code == 400


def test_contradictions_are_told(http: FlaskClient) -> None:
    http.post(LIST, json={"question": "How long may I return shoes?", "answer": "Within 30 days."})
    http.post(LIST, json={"question": "How long can I return shoes", "answer": "Within 14 days."})
    found = http.get(LIST).json["contradictions"]
    assert len(found) == 1 and "different numbers" in found[0]["reason"]
    assert {a["kind"] for a in found[0]["answers"]} == {"curated"}


@pytest.mark.parametrize(
    ("role", "method", "path", "allowed"),
    [
        ("viewer", "GET", "/assistants/acme/curated", True),
        ("viewer", "POST", "/assistants/acme/curated", False),
        ("viewer", "PATCH", "/curated/ID", False),
        ("viewer", "DELETE", "/curated/ID", False),
        ("viewer", "GET", "/curated/ID/hits", True),
        ("reviewer", "POST", "/assistants/acme/curated", True),
        ("reviewer", "PATCH", "/curated/ID", True),
        ("reviewer", "DELETE", "/curated/ID", True),
    ],
)
def test_a10_each_role_may_do_what_is_its_own(
    world: World, http: FlaskClient, role: str, method: str, path: str, allowed: bool
) -> None:
    made = http.post(LIST, json={"question": "A?", "answer": "x"}).json["id"]
    browser = world.client(role)
    headers = {"X-CSRF-Token": browser.token()}
    body = {"question": "B?", "answer": "y"} if method in {"POST", "PATCH"} else None
    answer = browser.http.open(
        API + path.replace("ID", made), method=method, headers=headers, json=body
    )
    assert (answer.status_code < 300) is allowed, answer.text
    assert allowed or answer.status_code == 403
