"""Where the running server is: a file in the home folder that the command line looks up."""

from __future__ import annotations

import json
from pathlib import Path

import psutil

from server.config import Settings


def running_server(settings: Settings) -> str | None:
    """The address of the server that runs on this home folder; None if there is none."""
    try:
        told = json.loads(_state_file(settings).read_text(encoding="utf-8"))
        process = psutil.Process(told["pid"])
        alive = process.create_time() == told["started"]
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return str(told["url"]) if alive else None


def announce(settings: Settings) -> None:
    """Called by the web process once it answers: this is where I am."""
    me = psutil.Process()
    told = {
        "pid": me.pid,
        "started": me.create_time(),
        "url": local_address(settings),
    }
    path = _state_file(settings)
    path.with_suffix(".new").write_text(json.dumps(told), encoding="utf-8")
    path.with_suffix(".new").replace(path)


def withdraw(settings: Settings) -> None:
    """The server has ended."""
    _state_file(settings).unlink(missing_ok=True)


def local_address(settings: Settings) -> str:
    """The address at which this machine reaches the server."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _state_file(settings: Settings) -> Path:
    return settings.home / "server.json"
