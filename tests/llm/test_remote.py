"""The remote model against a small server that speaks OpenAI's streaming protocol."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from server.errors import Invalid
from server.llm.engine import Engine
from server.llm.generation import GenerationParams
from server.llm.remote import estimated_room, remote_chat_model


class _OpenAi(BaseHTTPRequestHandler):
    seen: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body["authorization"] = self.headers["Authorization"]
        self.seen.append(body)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in ("Good ", "day", None):
            delta = {} if piece is None else {"role": "assistant", "content": piece}
            choice = {"index": 0, "delta": delta, "finish_reason": None if piece else "stop"}
            event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            self.wfile.write(f"data: {json.dumps({**event, 'choices': [choice]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _OpenAi)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_remote_model_streams_with_key_and_limits(address: str) -> None:
    params = GenerationParams(max_new_tokens=7, stop=("END",))
    model = remote_chat_model(address, api_key="secret", model="big", params=params)
    assert "".join(chunk.text for chunk in model.stream("Hello")) == "Good day"
    sent = _OpenAi.seen[-1]
    assert sent["authorization"] == "Bearer secret"
    assert (sent["model"], sent["stream"], sent["temperature"]) == ("big", True, 0.0)
    assert sent["stop"] == ["END"]
    assert 7 in (sent.get("max_completion_tokens"), sent.get("max_tokens"))


def test_something_that_is_no_address_is_refused() -> None:
    with pytest.raises(Invalid, match="not the address"):
        remote_chat_model("gpu-box:8000", api_key="", model="m")


@pytest.mark.model
@pytest.mark.parametrize(
    "text",
    ["plain words of English " * 50, "0123456789" * 100, "漢字" * 300, "Übergrößenträger " * 40],
)
def test_the_room_of_a_model_elsewhere_is_estimated_rather_too_small(
    engine: Engine, text: str
) -> None:
    room = estimated_room(4096, reply_tokens=160)
    assert room.tokens == 3936
    assert room.count([{"role": "user", "content": text}]) >= engine.count_tokens(text)
