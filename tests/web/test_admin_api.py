"""The private API, as the command line and a person signed in use it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.web import auth
from tests.speaking import QUESTION, RETURNS, Talk
from tests.web.conftest import World

API = "/api/v1/admin"


@dataclass
class Admin:
    """The command line's client of a World."""

    world: World
    http: FlaskClient
    headers: dict[str, str]

    def get(self, path: str) -> TestResponse:
        return self.http.get(API + path, headers=self.headers)

    def post(self, path: str, body: object = None, **more: Any) -> TestResponse:
        sent = {"json": body} if body is not None else {}
        return self.http.post(API + path, headers=self.headers, **sent, **more)

    def patch(self, path: str, body: object) -> TestResponse:
        return self.http.patch(API + path, headers=self.headers, json=body)

    def upload(self, name: str, body: bytes, **fields: str) -> TestResponse:
        form = {**fields, "file": (io.BytesIO(body), name)}
        return self.http.post(f"{API}/assistants/acme/sources", headers=self.headers, data=form)


@pytest.fixture
def admin(world: World) -> Admin:
    token = auth.cli_token(world.services.settings)
    return Admin(world, world.app.test_client(), {"Authorization": f"Bearer {token}"})


@pytest.fixture
def talk(world: World) -> Iterator[Talk]:
    """The World's assistant, able to answer."""
    opened = Talk(world.store, assistant=world.assistant)
    world.app.extensions["parlance"] = replace(world.services, chat=opened.chat)
    yield opened
    opened.chat.close()


def test_a10_without_a_token_or_a_session_nothing_is_told(admin: Admin) -> None:
    rules = [
        (method, str(rule))
        for rule in admin.world.app.url_map.iter_rules()
        if str(rule).startswith(API)
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PATCH", "DELETE", "PUT"})
    ]
    assert len(rules) >= 12
    for method, rule in rules:
        path = rule.replace("<key>", "acme").replace("<source_id>", "src_x")
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer é"}):
            answer = admin.http.open(path, method=method, headers=headers, json={})
            assert answer.status_code in {401, 403}, (method, rule)
            assert set(answer.json["error"]) == {"code", "message", "hint"}


@pytest.mark.parametrize(
    ("role", "method", "path", "allowed"),
    [
        ("viewer", "GET", "/assistants", True),
        ("viewer", "GET", "/assistants/acme/turns", True),
        ("viewer", "POST", "/assistants/acme/reviews", False),
        ("viewer", "POST", "/assistants", False),
        ("reviewer", "POST", "/assistants/acme/reviews", True),
        ("reviewer", "PATCH", "/assistants/acme", False),
        ("reviewer", "POST", "/assistants/acme/sources", False),
        ("owner", "PATCH", "/assistants/acme", True),
    ],
)
def test_a10_each_role_may_do_what_is_its_own(
    world: World, role: str, method: str, path: str, allowed: bool
) -> None:
    browser = world.client(role)
    headers = {"X-CSRF-Token": browser.token()}
    body = None if method == "GET" else {"reviews": []}
    if path == "/assistants/acme":
        body = {"tone": "Dry."}
    answer = browser.http.open(API + path, method=method, headers=headers, json=body)
    assert (answer.status_code < 300) is allowed, answer.text
    assert allowed or answer.status_code == 403


def test_a09_a_session_without_the_csrf_token_changes_nothing(world: World) -> None:
    browser = world.client("owner")
    assert browser.http.patch(f"{API}/assistants/acme", json={"tone": "x"}).status_code == 403


def test_an_assistant_is_created_listed_shown_and_changed(admin: Admin) -> None:
    made = admin.post("/assistants", {"name": "Zoo", "settings": {"origins": ["https://zoo.x"]}})
    assert made.status_code == 201
    key = made.json["key"]
    assert f'data-assistant="{key}"' in made.json["tag"] and made.json["page"].endswith(key)
    assert key in [a["key"] for a in admin.get("/assistants").json["assistants"]]
    assert admin.patch(f"/assistants/{key}", {"tone": "Dry."}).json["settings"]["tone"] == "Dry."
    assert admin.get(f"/assistants/{key}").json["settings"]["origins"] == ["https://zoo.x"]
    trail = [entry.action for entry in admin.world.store.audit.newest()]
    assert {"assistant.create", "assistant.change"} <= set(trail)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "Zoo", "settings": []},
        {"name": "Zoo", "settings": {"colour": "red"}},
        {"name": "Zoo", "settings": {"color": "red"}},
        {"name": "Zoo", "settings": {"origins": ["zoo.x"]}},
        {"name": "Zoo", "settings": {"origins": ["https://zoo.x;script-src"]}},
        {"name": "Zoo", "key": {"a": 1}},
        {"name": "Zoo", "key": 'zoo" onload="x'},
        {"name": "Zoo", "key": "../zoo"},
        {"name": "Zoo", "key": "k" * 65},
        ["name"],
    ],
)
def test_an_assistant_that_cannot_be_is_refused_with_a_sentence(admin: Admin, body: object) -> None:
    answer = admin.post("/assistants", body)
    assert answer.status_code == 400, answer.text
    assert answer.json["error"]["message"]


def test_a_key_that_is_taken_is_a_conflict(admin: Admin) -> None:
    assert admin.post("/assistants", {"name": "Acme", "key": "acme"}).status_code == 409


def test_a_website_is_queued_with_the_limits_that_were_asked_for(admin: Admin) -> None:
    body = {"url": "https://a.example/docs", "pages": 7, "depth": 2}
    added = admin.post("/assistants/acme/sources", body)
    assert added.status_code == 202 and added.json["status"] == "queued"
    source = admin.world.store.knowledge.source(added.json["source"])
    assert source.options == {"pages": 7, "depth": 2}
    assert admin.world.jobs.queued[0][1] == "ingest"
    shown = admin.get(f"/sources/{source.id}").json
    assert (shown["pages"], shown["passages"]) == (0, 0)
    assert [s["source"] for s in admin.get("/assistants/acme/sources").json["sources"]] == [
        source.id
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {"url": "ftp://x/"},
        {"url": "https://a.example/", "pages": "many"},
        {"url": "https://a.example/", "pages": -1},
        {"url": "https://a.example/", "depth": "x"},
        {"url": "https://a.example/", "depth": -1},
        {"url": "https://a.example/", "pages": True},
    ],
)
def test_a_website_that_cannot_be_is_refused(admin: Admin, body: dict[str, Any]) -> None:
    answer = admin.post("/assistants/acme/sources", body)
    assert answer.status_code == 400, answer.text
    assert admin.world.store.knowledge.sources(admin.world.assistant.id) == []


def test_a_file_is_uploaded_and_a_broken_one_refused(admin: Admin) -> None:
    fine = admin.upload("a.md", b"# A\n\nSome words that are worth reading.\n", kind="policy")
    assert fine.status_code == 202 and fine.json["kind"] == "policy"
    broken = admin.upload("b.pdf", b"%PDF- nothing")
    assert broken.status_code == 400 and "b.pdf" in broken.json["error"]["message"]
    assert len(admin.world.store.knowledge.sources(admin.world.assistant.id)) == 1


def test_asking_waits_for_the_whole_answer_and_goes_on_in_its_conversation(
    admin: Admin, talk: Talk
) -> None:
    told = admin.post("/assistants/acme/ask", {"question": QUESTION}).json
    assert told["answer"] == " ".join(RETURNS[:2]) and told["label"] == "supported"
    assert set(told["citations"][0]) == {"source", "title", "url", "quote"}
    assert told["timings"]["total"] > 0 and told["adapter"] is None
    again = admin.post(
        "/assistants/acme/ask", {"question": QUESTION, "conversation": told["conversation"]}
    ).json
    assert again["conversation"] == told["conversation"]
    assert len(talk.store.conversations.turns(told["conversation"])) == 2


def test_an_answer_that_fails_is_an_error_and_not_an_empty_answer(admin: Admin, talk: Talk) -> None:
    def broken(_: object) -> Iterator[str]:
        yield "Orders "
        raise RuntimeError("secret")

    talk.says = broken
    answer = admin.post("/assistants/acme/ask", {"question": QUESTION})
    assert answer.status_code == 503 and answer.json["error"]["message"]
    assert "secret" not in answer.text


@pytest.mark.parametrize("body", [{}, {"question": ""}, {"question": 5}, {"question": None}])
def test_asking_nothing_is_refused(admin: Admin, talk: Talk, body: object) -> None:
    assert admin.post("/assistants/acme/ask", body).status_code == 400


def test_every_turn_is_exported_page_by_page(admin: Admin) -> None:
    made = [admin.world.turn(f"question {n}?").id for n in range(3)]
    admin.world.store.conversations.give_feedback(made[0], "down")
    told = admin.get("/assistants/acme/turns").json
    assert [t["id"] for t in told["turns"]] == made and told["next"] is None
    assert [t["feedback"] for t in told["turns"]] == ["down", None, None]
    assert {"question", "reply", "evidence", "messages", "prompt_version", "adapter"} <= set(
        told["turns"][0]
    )
    rest = admin.get(f"/assistants/acme/turns?after={told['turns'][1]['seq']}").json
    assert [t["id"] for t in rest["turns"]] == made[2:]


def test_times_are_told_as_iso_8601(admin: Admin) -> None:
    admin.world.turn()
    told = admin.get("/assistants/acme/turns").json["turns"][0]["created_at"]
    assert told[4] == "-" and told[10] == "T" and told.endswith("+00:00")
    listed = admin.get("/assistants/acme/conversations").json["conversations"][0]["created_at"]
    assert listed[10] == "T"


def test_each_of_the_five_labels_can_be_asked_for(admin: Admin) -> None:
    labels = ("supported", "uncertain", "refused", "curated", "handed_over")
    for label in labels:
        admin.world.turn(f"About {label}?", label=label)
    for label in labels:
        found = admin.get(f"/assistants/acme/conversations?label={label}").json["conversations"]
        assert [(c["question"], c["labels"]) for c in found] == [(f"About {label}?", label)]


def test_a_turn_is_exported_with_its_label_and_what_the_gate_saw(admin: Admin) -> None:
    signals = {"gate": 0.2, "related": [{"title": "Hours", "url": None}]}
    admin.world.turn(label="refused", signals=signals)
    told = admin.get("/assistants/acme/turns").json["turns"][0]
    assert (told["label"], told["signals"]) == ("refused", signals)


def test_conversations_are_filtered(admin: Admin) -> None:
    admin.world.turn("About bananas?", label="refused")
    admin.world.turn("About apples?")
    found = admin.get("/assistants/acme/conversations?label=refused").json["conversations"]
    assert [c["question"] for c in found] == ["About bananas?"]
    found = admin.get("/assistants/acme/conversations?text=apples").json["conversations"]
    assert [c["question"] for c in found] == ["About apples?"]
    assert admin.get("/assistants/acme/conversations?before=x").status_code == 200


def test_reviews_are_imported_and_exported(admin: Admin) -> None:
    one, two = admin.world.turn(), admin.world.turn()
    rows = [
        {"turn": one.id, "verdict": "approved"},
        {"turn": two.id, "verdict": "corrected", "fault": "tone", "reply": "Ahoy!"},
    ]
    assert admin.post("/assistants/acme/reviews", {"reviews": rows}).json == {"imported": 2}
    told = admin.get("/assistants/acme/reviews").json["reviews"]
    assert [(r["turn"], r["verdict"], r["reply"]) for r in told] == [
        (one.id, "approved", None),
        (two.id, "corrected", "Ahoy!"),
    ]
    assert told[0]["reviewer"] == "cli"


@pytest.mark.parametrize(
    "wrong",
    [
        {"turn": "trn_none", "verdict": "approved"},
        {"verdict": "approved"},
        {"turn": "TURN", "verdict": "splendid"},
        {"turn": "TURN", "verdict": "corrected", "fault": "tone"},
        {"turn": "TURN", "verdict": "corrected", "fault": "tone", "reply": 5},
        {"turn": "TURN", "verdict": "corrected", "fault": "tone", "reply": ["x"]},
        {"turn": "TURN", "verdict": "rejected", "fault": ["tone"]},
        {"turn": "TURN", "verdict": ["approved"]},
        "text",
        None,
    ],
)
def test_one_wrong_verdict_is_named_and_none_is_kept(admin: Admin, wrong: Any) -> None:
    turn = admin.world.turn()
    if isinstance(wrong, dict) and wrong.get("turn") == "TURN":
        wrong = wrong | {"turn": turn.id}
    rows = [{"turn": turn.id, "verdict": "approved"}, wrong]
    answer = admin.post("/assistants/acme/reviews", {"reviews": rows})
    assert answer.status_code == 400, answer.text
    assert "Row 2" in answer.json["error"]["message"]
    assert "object has no" not in answer.text and "unhashable" not in answer.text
    assert admin.get("/assistants/acme/reviews").json["reviews"] == []


@pytest.mark.parametrize("body", [{}, {"reviews": {}}, {"reviews": "x"}, []])
def test_reviews_come_as_a_list(admin: Admin, body: object) -> None:
    assert admin.post("/assistants/acme/reviews", body).status_code == 400


def test_a71_a_turn_of_another_assistant_cannot_be_judged(admin: Admin) -> None:
    turn = admin.world.turn()
    admin.world.store.assistants.create("Other", key="other")
    rows = [{"turn": turn.id, "verdict": "approved"}]
    assert admin.post("/assistants/other/reviews", {"reviews": rows}).status_code == 400
