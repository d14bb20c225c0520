"""A small server that speaks as vLLM does: chats, and adapters loaded by name, with fault modes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BASE = "base-model"
KEY = "secret"
OFF, BROKEN, SLOW = "adapters are off", "broken", "slow"


@dataclass
class FakeVllm:
    """What it has loaded, by name; `fault`: one of the modes, or empty; `calls`: in order."""

    url: str = ""
    fault: str = ""
    loaded: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def handle(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        """Status and body of a call for an adapter, in vLLM's own words."""
        name = str(body.get("lora_name"))
        self.calls.append((path.removeprefix("/v1/"), name))
        if self.fault == OFF:
            return 404, '{"detail":"Not Found"}'
        if self.fault == BROKEN:
            return _error(500, "EngineCore died")
        if self.fault == SLOW:
            time.sleep(1.0)
        return self._load(name, body) if path == "/v1/load_lora_adapter" else self._unload(name)

    def _load(self, name: str, body: dict[str, Any]) -> tuple[int, str]:
        if name in self.loaded:
            return _error(400, f"The lora adapter '{name}' has already been loaded.")
        if not (Path(body["lora_path"]) / "adapter_config.json").is_file():
            return _error(404, f"Loading lora {name} failed: No adapter found for {body}")
        self.loaded[name] = body["lora_path"]
        return 200, f"Success: LoRA adapter '{name}' added successfully."

    def _unload(self, name: str) -> tuple[int, str]:
        if self.loaded.pop(name, None) is None:
            return _error(404, f"The lora adapter '{name}' cannot be found.")
        return 200, f"Success: LoRA adapter '{name}' removed successfully."

    def say(self, model: str) -> list[str]:
        """What a model answers, in pieces; none if there is no such model."""
        return ["I am ", model, "."] if model in (BASE, *self.loaded) else []


def _error(status: int, message: str) -> tuple[int, str]:
    told = {"message": message, "type": "BadRequestError", "param": None, "code": status}
    return status, json.dumps({"error": told})


class _Handler(BaseHTTPRequestHandler):
    vllm: FakeVllm

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self._send(*_error(401, "Unauthorized"))
        elif self.path != "/v1/chat/completions":
            self._send(*self.vllm.handle(self.path, body))
        elif pieces := self.vllm.say(body["model"]):
            self._stream(pieces)
        else:
            self._send(*_error(404, f"The model `{body['model']}` does not exist."))

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def _stream(self, pieces: list[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in (*pieces, None):
            delta = {} if piece is None else {"role": "assistant", "content": piece}
            choice = {"index": 0, "delta": delta, "finish_reason": None if piece else "stop"}
            event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            self.wfile.write(f"data: {json.dumps({**event, 'choices': [choice]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: Any) -> None:
        """Keep the test's output clean."""


@contextmanager
def serving() -> Iterator[FakeVllm]:
    """A running fake on loopback."""
    vllm = FakeVllm()
    handler = type("Handler", (_Handler,), {"vllm": vllm})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    vllm.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield vllm
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
