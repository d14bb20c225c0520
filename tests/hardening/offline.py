"""A whole small life of an installation, with no way out of this machine.

`python -m tests.hardening.offline HOME`: open the services on the prepared model below HOME, read a
file, ask about it, and print what came of it as JSON. What Python connects to or looks up beyond
loopback is refused and printed too; a network namespace around it refuses native code as well.
"""

from __future__ import annotations

import ipaddress
import json
import sys
import time
from pathlib import Path
from typing import Any

PAGE = b"# Opening hours\n\nThe shop opens at nine and closes at five on weekdays.\n"
QUESTION = "When does the shop open?"

_tried: list[str] = []


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: note and refuse what leads off this machine."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not _is_here(host):
        _tried.append(f"{event} {host}")
        raise OSError(f"there is no network: {host}")


def _is_here(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    try:
        return name in (None, "", "localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def live(home: Path) -> dict[str, Any]:
    from server.config import Settings
    from server.services import open_services

    services = open_services(Settings(home=home))
    try:
        assistant = services.store.assistants.create("Shop", key="shop")
        source = services.ingestion.add_file(assistant, "hours.md", PAGE, kind="auto", url="")
        while (read := services.store.knowledge.source(source.id)).status not in (
            "ready",
            "failed",
        ):
            time.sleep(0.1)
        conversation = services.store.conversations.start(
            assistant.id, visitor_id="v", token_hash="h", page_url=""
        )
        turn = services.chat.ask(assistant, conversation, QUESTION)
        last = [event for event in turn.follow() if event][-1]
        return {"source": read.status, "ended": last.name, "reply": last.data.get("reply")}
    finally:
        services.close()


if __name__ == "__main__":
    sys.addaudithook(refuse)
    told = live(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(told | {"tried": _tried}) + "\n")
