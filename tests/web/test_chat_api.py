"""The public API as a widget or a stranger meets it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.app import create_app
from server.chat import Event
from server.config import Settings
from server.services import Services
from server.store import open_store
from server.web import sse
from tests.speaking import QUESTION, RETURNS, Paced, Talk, until

API = "/api/v1/assistants/acme"
JSON = {"Content-Type": "application/json"}
OWNER = "https://www.acme.example"


@dataclass
class Place:
    """A server with one assistant, and a stranger's client."""

    talk: Talk
    http: FlaskClient

    def start(self, **headers: str) -> tuple[str, dict[str, str]]:
        """A conversation's path and the header that proves it is ours."""
        made = self.http.post(f"{API}/conversations", json={}, headers=headers)
        assert made.status_code == 201, made.text
        path = f"{API}/conversations/{made.json['conversation']}"
        return path, {"Authorization": f"Bearer {made.json['token']}"}

    def ask(self, question: str = QUESTION, **headers: str) -> TestResponse:
        path, own = self.start()
        return self.http.post(f"{path}/turns", json={"question": question}, headers=own | headers)


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Build a Place; keyword arguments are settings."""
    opened: list[Talk] = []

    def make(**chosen: Any) -> Place:
        settings = Settings(home=tmp_path, **chosen)
        talk = Talk(open_store(settings.database), longest_question=settings.max_question)
        opened.append(talk)
        talk.store.assistants.change("acme", {"origins": [OWNER]})
        absent = cast(Any, None)
        services = Services(
            settings=settings,
            store=talk.store,
            jobs=absent,
            vectors=talk.vectors,
            retriever=talk.retriever,
            voices=talk.voices,
            ingestion=absent,
            chat=talk.chat,
        )
        return Place(talk, create_app(services).test_client())

    yield make
    for talk in opened:
        talk.chat.close()
        talk.store.database.close()


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place(rate_turns=1000, rate_conversations=1000)


def _events(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    found = []
    for block in text.split("\n\n"):
        if not block or block.startswith(":"):
            continue
        id, name, data = block.split("\n")
        found.append((int(id[4:]), name.removeprefix("event: "), json.loads(data[6:])))
    return found


def _is_error(answer: TestResponse) -> bool:
    told = answer.json["error"]
    assert set(told) == {"code", "message", "hint"} and told["message"]
    return answer.status_code >= 400


def test_the_config_holds_what_the_owner_decided(place: Place) -> None:
    place.talk.store.assistants.change("acme", {"color": "#112233", "suggested_prompts": ["Hm?"]})
    told = place.http.get(f"{API}/config").json
    assert told["key"] == "acme" and told["name"] == "Acme Help" and told["language"] == "en"
    assert told["brand"]["color"] == "#112233" and told["suggested_prompts"] == ["Hm?"]
    assert set(told["brand"]) == {"color", "logo_url", "position", "theme"}


@pytest.mark.parametrize("path", ["config", "conversations/x", "turns/x/events"])
def test_an_unknown_key_is_not_found(place: Place, path: str) -> None:
    answer = place.http.get(f"/api/v1/assistants/nobody/{path}")
    assert answer.status_code == 404 and _is_error(answer)


def test_a_visitor_asks_and_reads_the_stream(place: Place) -> None:
    answer = place.ask()
    assert answer.status_code == 200 and answer.mimetype == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert "no-store" in answer.headers["Cache-Control"]
    events = _events(answer.text)
    assert [name for _, name, _ in events] == ["turn", "sources", "token", "token", "done"]
    assert [id for id, _, _ in events] == [1, 2, 3, 4, 5]
    done = events[-1][2]
    assert done["reply"] == "".join(d["text"] for _, n, d in events if n == "token")
    citation = done["citations"][0]
    assert {"n", "title", "url", "quote", "source", "marks"} <= set(citation)
    assert all(done["reply"][:mark].endswith(".") for mark in citation["marks"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"question": ""}, "empty"),
        ({"question": "  "}, "empty"),
        ({"question": "x" * 100_000}, "100000 characters"),
        ({"question": ["a"]}, "question"),
        ({}, "question"),
        (["question"], "JSON object"),
        ("text", "JSON object"),
    ],
)
def test_an_unusable_question_is_refused_with_a_sentence(
    place: Place, body: object, said: str
) -> None:
    path, own = place.start()
    answer = place.http.post(f"{path}/turns", json=body, headers=own)
    assert answer.status_code == 400 and _is_error(answer)
    assert said in answer.json["error"]["message"]
    assert place.http.get(path, headers=own).json["turns"] == []


def test_a_body_beyond_a_megabyte_is_refused(place: Place) -> None:
    path, own = place.start()
    answer = place.http.post(f"{path}/turns", data=b"[" * 2_000_000, headers=own | JSON)
    assert answer.status_code == 413 and _is_error(answer)


def test_half_characters_and_nul_in_any_text_break_nothing(place: Place) -> None:
    odd = "\ud83d\x00"
    made = place.http.post(f"{API}/conversations", json={"page_url": f"https://x/{odd}"})
    assert made.status_code == 201
    own = {"Authorization": f"Bearer {made.json['token']}"}
    path = f"{API}/conversations/{made.json['conversation']}"
    answer = place.http.post(f"{path}/turns", json={"question": QUESTION + odd}, headers=own)
    assert answer.status_code == 200 and _events(answer.text)[-1][1] == "done"


def test_a_conversation_may_begin_without_a_body(place: Place) -> None:
    assert place.http.post(f"{API}/conversations").status_code == 201


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic abc", "Bearer \xe9"]
)
def test_a07_without_the_right_token_a_conversation_does_not_exist(
    place: Place, authorization: str | None
) -> None:
    path, own = place.start()
    turn = _events(place.http.post(f"{path}/turns", json={"question": QUESTION}, headers=own).text)
    turn_path = f"{API}/turns/{turn[0][2]['turn']}"
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, real, unknown in (
        ("GET", path, f"{API}/conversations/cnv_none"),
        ("POST", f"{path}/turns", f"{API}/conversations/cnv_none/turns"),
        ("GET", f"{turn_path}/events", f"{API}/turns/trn_none/events"),
        ("POST", f"{turn_path}/stop", f"{API}/turns/trn_none/stop"),
        ("POST", f"{turn_path}/feedback", f"{API}/turns/trn_none/feedback"),
    ):
        body = None if method == "GET" else {"question": "x", "value": "up"}
        mine = place.http.open(real, method=method, headers=headers, json=body)
        none = place.http.open(unknown, method=method, headers=headers, json=body)
        assert mine.status_code == none.status_code == 404
        assert mine.json == none.json, "the answer says that something is there"


def test_a07_another_visitors_token_opens_nothing(place: Place) -> None:
    path, _ = place.start()
    _, other = place.start()
    assert place.http.get(path, headers=other).status_code == 404


def test_a07_a_conversation_belongs_to_its_assistant_alone(place: Place) -> None:
    path, own = place.start()
    place.talk.store.assistants.create("Other", key="other")
    elsewhere = path.replace("/acme/", "/other/")
    assert place.http.get(elsewhere, headers=own).status_code == 404


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (OWNER, True),
        (OWNER.upper().replace("HTTPS", "https"), True),
        ("http://localhost", True),  # our own pages
        ("http://127.0.0.1:8080", True),
        ("null", False),
        ("http://www.acme.example", False),
        ("https://www.acme.example.evil.com", False),
        ("https://evil.com", False),
        ("https://www.acme.example:8443", False),
        ("https://acme.example", False),
        ("http://[", False),
        ("https://www.acme.example, https://evil.com", False),
        ("", False),
    ],
)
def test_a21_only_listed_origins_and_our_own_pages_are_answered(
    place: Place, origin: str, allowed: bool
) -> None:
    for answer in (
        place.http.get(f"{API}/config", headers={"Origin": origin}),
        place.http.post(f"{API}/conversations", json={}, headers={"Origin": origin}),
        place.http.options(f"{API}/conversations", headers={"Origin": origin}),
    ):
        assert (answer.status_code < 300) is allowed
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert answer.headers["Vary"] == "Origin"
        if not allowed:
            assert answer.status_code == 403


def test_a21_a_preflight_names_the_headers_the_widget_sends(place: Place) -> None:
    answer = place.http.options(f"{API}/conversations/x/turns", headers={"Origin": OWNER})
    named = answer.headers["Access-Control-Allow-Headers"].lower()
    for header in ("authorization", "content-type", "idempotency-key", "last-event-id"):
        assert header in named
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


def test_a21_an_error_can_be_read_by_the_allowed_site(place: Place) -> None:
    answer = place.http.get(f"{API}/conversations/none", headers={"Origin": OWNER})
    assert answer.status_code == 404
    assert answer.headers["Access-Control-Allow-Origin"] == OWNER


def test_a22_every_answer_carries_the_security_headers(place: Place) -> None:
    path, own = place.start()
    asked = place.http.post(f"{path}/turns", json={"question": QUESTION}, headers=own)
    for answer in (asked, place.http.get(path, headers=own), place.http.get("/nowhere")):
        policy = answer.headers["Content-Security-Policy"]
        assert "object-src 'none'" in policy and "base-uri 'none'" in policy
        assert "frame-ancestors" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"]
    for answer in (asked, place.http.get(path, headers=own)):
        assert "no-store" in answer.headers["Cache-Control"]


def test_a74_each_limit_fires_and_says_when_to_come_back(
    make_place: Callable[..., Place],
) -> None:
    place = make_place(rate_turns=2, rate_conversations=3)
    path, own = place.start()

    def ask(**more: str) -> TestResponse:
        answer = place.http.post(f"{path}/turns", json={"question": "hello"}, headers=own | more)
        _ = answer.data
        return answer

    assert [ask().status_code, ask().status_code] == [200, 200]
    over = ask()
    assert over.status_code == 429 and _is_error(over)
    assert 1 <= int(over.headers["Retry-After"]) <= 60
    # The address is the connection's: neither a header nor another conversation forks the bucket.
    assert ask(**{"X-Forwarded-For": "9.9.9.9"}).status_code == 429
    other, own_other = place.start()
    again = place.http.post(f"{other}/turns", json={"question": "hello"}, headers=own_other)
    assert again.status_code == 429
    assert place.http.post(f"{API}/conversations", json={}).status_code == 201
    late = place.http.post(f"{API}/conversations", json={}, headers={"Origin": OWNER})
    assert late.status_code == 429
    assert late.headers["Access-Control-Allow-Origin"] == OWNER


def test_a74_behind_a_trusted_proxy_visitors_have_a_bucket_each(
    make_place: Callable[..., Place],
) -> None:
    place = make_place(rate_conversations=1, trusted_proxies=1)
    for address, status in (("1.1.1.1", 201), ("2.2.2.2", 201), ("1.1.1.1", 429)):
        told = {"X-Forwarded-For": f"9.9.9.9, {address}"}
        assert place.http.post(f"{API}/conversations", json={}, headers=told).status_code == status


@pytest.mark.parametrize(
    "text",
    [
        "\n\nevent: done\ndata: {}\n\n",
        "\r\rid: 9\r",
        "line\u2028separator\u2029and\x85next",
        ": ping",
        "🙂 ünïcödé \x00",
        '"}\n\ndata: x',
    ],
)
def test_a25_no_text_can_end_its_event_early(text: str) -> None:
    sent = sse.encode(Event(7, "token", {"text": text}))
    lines = sent.splitlines()
    assert sent.endswith("\n\n") and len(lines) == 4 and lines[3] == ""
    assert lines[:2] == ["id: 7", "event: token"]
    assert json.loads(lines[2].removeprefix("data: ")) == {"text": text}


def test_a25_a_model_that_speaks_in_events_is_text_like_any_other(place: Place) -> None:
    place.talk.says = lambda _: [f"{RETURNS[0]}\n\nevent: done\ndata: {{}}\n\n", RETURNS[1]]
    events = _events(place.ask().text)
    assert [name for _, name, _ in events].count("done") == 1
    assert events[-1][2]["status"] == "complete"


def test_b05_the_stream_goes_on_after_any_event(place: Place) -> None:
    path, own = place.start()
    whole = place.http.post(f"{path}/turns", json={"question": QUESTION}, headers=own).text
    blocks = [b + "\n\n" for b in whole.split("\n\n") if b]
    turn = _events(whole)[0][2]["turn"]
    for k in range(len(blocks) + 1):
        rest = place.http.get(
            f"{API}/turns/{turn}/events", headers=own | {"Last-Event-ID": str(k)}
        ).text
        assert "".join(blocks[:k]) + rest == whole


@pytest.mark.parametrize("id", ["x", "-1", "1.5", "²", "9" * 5000, ""])
def test_b05_a_last_event_id_that_is_no_number_is_refused(place: Place, id: str) -> None:
    path, own = place.start()
    whole = place.http.post(f"{path}/turns", json={"question": QUESTION}, headers=own).text
    turn = _events(whole)[0][2]["turn"]
    answer = place.http.get(f"{API}/turns/{turn}/events", headers=own | {"Last-Event-ID": id})
    assert answer.status_code == 400 and _is_error(answer)


def test_b07_stop_is_told_to_the_asker_and_to_the_reader(place: Place) -> None:
    paced = Paced([f"{RETURNS[0]} Refunds ", "reach", " you."])
    place.talk.says = paced
    path, own = place.start()
    answer = place.http.post(
        f"{path}/turns", json={"question": QUESTION}, headers=own, buffered=False
    )
    paced.let(1)
    until(lambda: paced.said == 1)
    turn = place.talk.store.conversations.turns(path.rsplit("/", 1)[-1])[0]
    threading.Timer(0.1, paced.let, (1,)).start()
    stopped = place.http.post(f"{API}/turns/{turn.id}/stop", headers=own)
    assert stopped.status_code == 200 and stopped.json["turn"] == turn.id
    assert stopped.json["status"] in {"streaming", "stopped"}
    assert _events(answer.text)[-1][2]["status"] == "stopped"
    again = place.http.post(f"{API}/turns/{turn.id}/stop", headers=own)
    assert again.json["status"] == "stopped"


def test_b08_the_same_key_gives_the_same_turn_and_another_question_is_a_conflict(
    place: Place,
) -> None:
    path, own = place.start()
    keyed = own | {"Idempotency-Key": "a1"}
    one = place.http.post(f"{path}/turns", json={"question": QUESTION}, headers=keyed)
    two = place.http.post(f"{path}/turns", json={"question": QUESTION}, headers=keyed)
    assert one.text == two.text
    other = place.http.post(f"{path}/turns", json={"question": "Another?"}, headers=keyed)
    assert other.status_code == 409 and _is_error(other)
    assert len(place.http.get(path, headers=own).json["turns"]) == 1
    for bad in ("", "k" * 129):
        refused = place.http.post(
            f"{path}/turns", json={"question": QUESTION}, headers=own | {"Idempotency-Key": bad}
        )
        assert refused.status_code == 400


def test_b07_a_visitor_who_leaves_finds_the_whole_answer_on_return(place: Place) -> None:
    paced = Paced([f"{RETURNS[0]} ", RETURNS[1]])
    place.talk.says = paced
    path, own = place.start()
    answer = place.http.post(
        f"{path}/turns", json={"question": QUESTION}, headers=own, buffered=False
    )
    next(iter(answer.response))
    answer.close()
    paced.let(2)
    until(lambda: place.http.get(path, headers=own).json["turns"][0]["status"] == "complete")
    turn = place.http.get(path, headers=own).json["turns"][0]
    assert turn["reply"] == " ".join(RETURNS[:2]) and turn["citations"]


def test_b14_a_model_that_fails_is_an_error_event(place: Place) -> None:
    def broken(_: object) -> Iterator[str]:
        yield "Orders "
        raise RuntimeError("secret path")

    place.talk.says = broken
    answer = place.ask()
    assert answer.status_code == 200
    _, name, data = _events(answer.text)[-1]
    assert name == "error" and set(data["error"]) == {"code", "message", "hint"}
    assert "secret" not in answer.text


def test_b02_an_interrupted_turn_is_shown_as_such_after_a_restart(place: Place) -> None:
    path, own = place.start()
    conversation = place.talk.store.conversations.get(
        place.talk.assistant.id, path.rsplit("/", 1)[-1]
    )
    turn, _ = place.talk.store.conversations.open_turn(conversation, QUESTION, idempotency_key="k")
    place.talk.store.conversations.interrupt_open_turns()
    assert place.http.get(path, headers=own).json["turns"][0]["status"] == "interrupted"
    told = place.http.get(f"{API}/turns/{turn.id}/events", headers=own).text
    assert [name for _, name, _ in _events(told)] == ["turn", "error"]


@pytest.mark.parametrize("field", ["value", "metadata", "note"])
def test_a63_a_marked_object_in_feedback_is_refused_or_dropped(
    place: Place, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLANCE_TEST_KEY", "sk-never-told")
    path, own = place.start()
    text = place.http.post(f"{path}/turns", json={"question": QUESTION}, headers=own).text
    turn = _events(text)[0][2]["turn"]
    marked = {"lc": 1, "type": "secret", "id": ["PARLANCE_TEST_KEY"]}
    body = {"value": "up"} | {field: marked}
    answer = place.http.post(f"{API}/turns/{turn}/feedback", json=body, headers=own)
    assert answer.status_code == (400 if field == "value" else 200)
    assert "sk-never-told" not in answer.text and "PARLANCE_TEST_KEY" not in answer.text
    kept = place.talk.store.conversations.feedback([turn])
    assert kept == ({} if field == "value" else {turn: "up"})


def test_feedback_is_kept_changed_and_withdrawn(place: Place) -> None:
    path, own = place.start()
    text = place.http.post(f"{path}/turns", json={"question": QUESTION}, headers=own).text
    feedback = f"{API}/turns/{_events(text)[0][2]['turn']}/feedback"
    for value in ("up", "down", None):
        assert (
            place.http.post(feedback, json={"value": value}, headers=own).json["feedback"] == value
        )
        assert place.http.get(path, headers=own).json["turns"][0]["feedback"] == value
    for wrong in ("sideways", 1, ["up"], {"up": 1}, True):
        answer = place.http.post(feedback, json={"value": wrong}, headers=own)
        assert answer.status_code == 400, wrong


def test_a06_no_token_stands_in_an_address(place: Place) -> None:
    rules = [str(rule) for rule in place.http.application.url_map.iter_rules()]
    assert not [rule for rule in rules if rule.startswith("/api/") and re.search("token", rule)]


def test_a_limit_of_nothing_lets_nobody_in(make_place: Callable[..., Place]) -> None:
    place = make_place(rate_conversations=0)
    assert place.http.post(f"{API}/conversations", json={}).status_code == 429


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_process_says_that_it_lives(place: Place, path: str) -> None:
    assert place.http.get(path).status_code == 200


def test_an_unforeseen_failure_is_told_in_the_one_shape(place: Place) -> None:
    store: Any = place.talk.store.assistants

    def broken(key: str) -> None:
        raise RuntimeError("secret path")

    store.by_key = broken
    answer = place.http.get(f"{API}/config")
    assert answer.status_code == 500 and _is_error(answer)
    assert "secret" not in answer.text


def test_the_history_says_what_became_of_cited_pages_and_keeps_the_next_steps(place: Place) -> None:
    talk = place.talk
    talk.store.assistants.change("acme", {"contact": "help@acme.example"})
    path, own = place.start()
    place.http.post(f"{path}/turns", json={"question": QUESTION}, headers=own).close()
    lost = "Who repairs my broken kitchen robot before shipping?"
    place.http.post(f"{path}/turns", json={"question": lost}, headers=own).close()
    until(lambda: all(t["label"] for t in place.http.get(path, headers=own).json["turns"]))
    before = place.http.get(path, headers=own).json["turns"]
    assert "state" not in before[0]["citations"][0] and "related" not in before[0]
    assert before[1]["related"][0]["title"] == "Shipping"
    assert before[1]["contact"] == "mailto:help@acme.example"
    talk.learn("https://www.acme.example/returns", "Returns", ["All sales are final now."])
    after = place.http.get(path, headers=own).json["turns"]
    assert [c["state"] for c in after[0]["citations"]] == ["changed"]
