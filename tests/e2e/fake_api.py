"""A small server that speaks the widget's HTTP surface with scripted answers.

Only the widget's own tests use it: they need drops, stalls and hostile replies on demand, which
the real server does not give. The real loop is tested against the real server.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import BaseWSGIServer, make_server

WIDGET = Path(__file__).resolve().parents[2] / "server" / "web" / "static" / "widget"
KEY = "ast_demo"

ANSWER = (
    "You can return a bicycle within **30 days** of delivery. Bring the receipt and:\n\n"
    "- the bicycle, cleaned\n- everything that came in the box\n\n"
    "Refunds reach your account in *five* working days. See "
    "[how returns work](https://shop.example/returns)."
)
RELATED = [
    {
        "title": "When are you open?",
        "page": "Help",
        "url": "https://shop.example/help",
        "ask": True,
    },
    {"title": "Opening hours of our workshop", "url": "https://shop.example/help/hours"},
    {"title": "A catalogue on paper", "url": None},
    {"title": "Not a page", "url": "javascript:window.pwned=1"},
]
CONTACT = "mailto:help@shop.example"
CITATIONS = [
    ("Returns and refunds", "https://shop.example/help/returns", "within **30 days** of delivery."),
    ("Payment", "https://shop.example/help/payment", "in *five* working days."),
]

BESIDE = ("related", "contact", "courtesy")

Event = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class FakeTurn:
    """One scripted turn: its events, and how far they may be sent."""

    id: str
    question: str
    events: list[Event]
    pause: float = 0.0
    drop_after: int | None = None
    stopped: bool = False
    feedback: str | None = None
    started: float = field(default_factory=time.monotonic)

    def done(self) -> dict[str, Any]:
        return self.events[-1][1]


@dataclass(slots=True)
class FakeState:
    """What the server has seen; tests read and change it."""

    turns: list[FakeTurn] = field(default_factory=list)
    keys: dict[str, FakeTurn] = field(default_factory=dict)
    conversations: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)
    resumed_from: list[str | None] = field(default_factory=list)
    payload: str = ""
    forgets_ids: bool = False
    # Citation number -> "changed" or "gone": what has become of its page since the answer.
    states: dict[int, str] = field(default_factory=dict)
    refuse_asks: int = 0
    brand: dict[str, Any] = field(
        default_factory=lambda: {
            "color": "#3b5bdb",
            "logo_url": None,
            "position": "right",
            "theme": "auto",
        }
    )


def create_fake(state: FakeState) -> Flask:
    """The whole surface, over a state that the test holds."""
    app = Flask(__name__)
    base = f"/api/v1/assistants/{KEY}"

    @app.before_request
    def note() -> Response | None:
        state.seen.append((request.method, request.full_path.rstrip("?")))
        return Response(status=204) if request.method == "OPTIONS" else None

    @app.after_request
    def allow(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
        response.headers["Access-Control-Allow-Headers"] = (
            "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
        )
        return response

    @app.get("/favicon.ico")
    def favicon() -> Response:
        return Response(status=204)

    @app.get("/widget.js")
    def loader() -> Response:
        return _script("loader.js")

    @app.get("/widget/<name>")
    def built(name: str) -> Response:
        return _script(name)

    @app.get(f"{base}/config")
    def config() -> dict[str, Any]:
        return _config(state)

    @app.post(f"{base}/conversations")
    def conversations() -> tuple[dict[str, str], int]:
        state.conversations += 1
        return {"conversation": f"cnv_{state.conversations}", "token": "secret"}, 201

    @app.get(f"{base}/conversations/<conversation>")
    def history(conversation: str) -> dict[str, Any]:
        return {
            "conversation": conversation,
            "turns": [_record(state, turn) for turn in state.turns],
        }

    @app.post(f"{base}/conversations/<conversation>/turns")
    def ask(conversation: str) -> Response | tuple[dict[str, Any], int]:
        if state.refuse_asks:
            state.refuse_asks -= 1
            return _error("busy", "Too many questions at once.", "Wait a minute."), 429
        turn = _turn(state, request.headers["Idempotency-Key"], request.get_json()["question"])
        return _stream(turn, 0)

    @app.get(f"{base}/turns/<turn_id>/events")
    def events(turn_id: str) -> Response:
        turn = next(turn for turn in state.turns if turn.id == turn_id)
        last = request.headers.get("Last-Event-ID")
        state.resumed_from.append(last)
        turn.drop_after = len(turn.events) if not state.forgets_ids or last is None else 0
        return _stream(turn, int(last or 0))

    @app.post(f"{base}/turns/<turn_id>/stop")
    def stop(turn_id: str) -> dict[str, str]:
        turn = next(turn for turn in state.turns if turn.id == turn_id)
        turn.stopped = True
        return {"turn": turn_id, "status": "stopped"}

    @app.post(f"{base}/turns/<turn_id>/feedback")
    def feedback(turn_id: str) -> dict[str, str | None]:
        turn = next(turn for turn in state.turns if turn.id == turn_id)
        turn.feedback = request.get_json()["value"]
        return {"turn": turn_id, "feedback": turn.feedback}

    return app


def citations_for(reply: str) -> list[dict[str, Any]]:
    """The scripted citations, each after the words it supports."""
    return [
        {
            "n": n,
            "title": title,
            "url": url,
            "quote": f"The shop's own words: {after.replace('*', '')}",
            "source": f"src_{n}",
            "marks": [reply.index(after) + len(after)],
        }
        for n, (title, url, after) in enumerate(CITATIONS, start=1)
        if after in reply
    ]


def _turn(state: FakeState, key: str, question: str) -> FakeTurn:
    if key in state.keys:
        return state.keys[key]
    number = len(state.turns) + 1
    turn = FakeTurn(f"trn_{number}", question, _script_for(state, f"trn_{number}", question))
    if "slow" in question:
        turn.pause = 0.06
    if "drop" in question:
        turn.drop_after = 4
    state.turns.append(turn)
    state.keys[key] = turn
    return turn


def _script_for(state: FakeState, turn_id: str, question: str) -> list[Event]:
    if "broken" in question:
        error = _error("unavailable", "The model is not loaded.", "Try again in a minute.")
        return [("turn", {"turn": turn_id}), ("error", error)]
    reply, label = ANSWER, "supported"
    if "payload" in question:
        reply = state.payload
    if "moon" in question:
        reply, label = "I did not find that in the shop's pages.", "refused"
    if "perhaps" in question:
        label = "uncertain"
    if "team" in question or "hello" in question:
        label = "curated"
    if "person" in question:
        label = "handed_over"
    beside: dict[str, Any] = {"related": RELATED, "contact": CONTACT} if label == "refused" else {}
    if "hello" in question:
        beside = {"courtesy": True}
    pages = [{"title": title, "url": url} for title, url, _ in CITATIONS]
    pieces = [reply[at : at + 5] for at in range(0, len(reply), 5)]
    done = {
        "turn": turn_id,
        "label": label,
        "reply": reply,
        "citations": citations_for(reply),
        "adapter": None,
        "status": "complete",
        **beside,
    }
    tokens: list[Event] = [("token", {"text": piece}) for piece in pieces]
    return [("turn", {"turn": turn_id}), ("sources", {"sources": pages}), *tokens, ("done", done)]


def _stream(turn: FakeTurn, after: int) -> Response:
    return Response(_events(turn, after), mimetype="text/event-stream")


def _events(turn: FakeTurn, after: int) -> Iterator[str]:
    yield ": ping\n\n"
    for number, (kind, body) in enumerate(turn.events, start=1):
        if number <= after:
            continue
        if turn.drop_after is not None and number > turn.drop_after:
            return
        if turn.stopped and kind == "token":
            said = "".join(event[1].get("text", "") for event in turn.events[: number - 1])
            turn.done().update(reply=said, status="stopped", citations=[])
            kind, body = "done", turn.done()
        yield f"id: {number}\nevent: {kind}\ndata: {json.dumps(body)}\n\n"
        if kind == "done":
            return
        time.sleep(turn.pause)


def _record(state: FakeState, turn: FakeTurn) -> dict[str, Any]:
    done = turn.done()
    writing = turn.pause and time.monotonic() - turn.started < turn.pause * len(turn.events)
    return {
        "turn": turn.id,
        "question": turn.question,
        "reply": done.get("reply", ""),
        "label": done.get("label"),
        "citations": [
            c | ({"state": state.states[c["n"]]} if c["n"] in state.states else {})
            for c in done.get("citations", [])
        ],
        "status": "streaming" if writing and not turn.stopped else done.get("status", "failed"),
        "feedback": turn.feedback,
        **{name: done[name] for name in BESIDE if name in done},
    }


def _config(state: FakeState) -> dict[str, Any]:
    return {
        "key": KEY,
        "name": "Wheelwright",
        "greeting": "Hello! Ask me anything about our bicycles, orders and returns.",
        "placeholder": "Ask about an order or a bicycle",
        "suggested_prompts": [
            "Can I return a bicycle?",
            "How long does delivery take?",
            "Which frame size fits me?",
        ],
        "language": "en",
        "brand": state.brand,
        "privacy_url": "https://shop.example/privacy",
    }


def _error(code: str, message: str, hint: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "hint": hint}}


def _script(name: str) -> Response:
    kind = "application/json" if name.endswith(".json") else "text/javascript"
    return Response((WIDGET / name).read_bytes(), mimetype=kind)


@dataclass(slots=True)
class RunningServer:
    """A Flask app on a loopback port, in a thread."""

    url: str
    server: BaseWSGIServer
    thread: threading.Thread

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def serve(app: Flask, port: int = 0) -> RunningServer:
    """Start an app on a free port."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return RunningServer(f"http://127.0.0.1:{server.port}", server, thread)
