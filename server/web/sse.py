"""Server-sent events: one event a block, one line of JSON, a comment when it is quiet."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flask import Response

from server.chat import Event, LiveTurn


def stream(live: LiveTurn, *, after: int = 0) -> Response:
    """Stream a turn's events after an id; the first ones are ready before the headers leave."""
    return Response(
        _lines(live, after),
        mimetype="text/event-stream",
        headers={
            "Cache-Control": "no-store, no-transform",
            # nginx would hold the answer back until it is whole.
            "X-Accel-Buffering": "no",
        },
    )


def encode(event: Event) -> str:
    """One event. Non-ASCII is escaped: no text can end the line or the event early."""
    data = json.dumps(event.data, ensure_ascii=True, separators=(",", ":"))
    return f"id: {event.id}\nevent: {event.name}\ndata: {data}\n\n"


def _lines(live: LiveTurn, after: int) -> Iterator[str]:
    for event in live.follow(after):
        # The comment keeps proxies from closing a quiet stream, and finds readers that have gone.
        yield ": ping\n\n" if event is None else encode(event)
