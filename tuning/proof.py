"""Proof of what answers: the probe set, asked of the live model after every swap."""

from __future__ import annotations

import time
from typing import Any

from server.config import Settings
from server.errors import Unavailable
from server.llm.adapters import Probes, check_servable, probe
from server.llm.engine import Engine
from server.llm.models import prepare
from server.presence import running_server
from server.store import Store
from server.store.adapters import Activation, Adapter

_POLL_SECONDS = 0.1
_SERVING_SECONDS = 60.0


def proven(settings: Settings, store: Store, activation: Activation) -> dict[str, Any]:
    """Say what answers from now on: {"active", "seconds", "probes_equal"}.

    A running server says so itself; without one, the model is loaded here and asked. `seconds`:
    until the model is ready to answer. `probes_equal`: its replies are byte for byte those of the
    evaluation; None where there was none.
    """
    if running_server(settings) is not None:
        return _reported(store, activation)
    return _asked_here(settings, store, activation)


def _reported(store: Store, activation: Activation) -> dict[str, Any]:
    deadline = time.monotonic() + _SERVING_SECONDS
    while time.monotonic() < deadline:
        for serving in store.adapters.servings(activation.assistant_id):
            if serving.activation_id == activation.id:
                if serving.error:
                    raise Unavailable(f"The server could not serve it: {serving.error}")
                equal = serving.probes.get("equal")
                return _told(activation, serving.milliseconds / 1000, equal)
        time.sleep(_POLL_SECONDS)
    raise Unavailable(
        "The running server has not taken it up yet.",
        hint="Look at the tuning page of the console.",
    )


def _asked_here(settings: Settings, store: Store, activation: Activation) -> dict[str, Any]:
    began = time.monotonic()
    active = store.adapters.adapter(activation.adapter_id) if activation.adapter_id else None
    known = active or _latest(store, activation.assistant_id)
    prepared = prepare(settings.home, settings.model)
    folder = prepared.serving
    if active is not None:
        check_servable(active, settings.home / active.path, base_sha256=prepared.base_sha256)
        folder = settings.home / active.path / "ir"
    engine = Engine(folder, threads=settings.threads)
    seconds = time.monotonic() - began
    try:
        equal = _matches(engine, known, active) if known else None
    finally:
        engine.close()
    return _told(activation, seconds, equal)


def _matches(engine: Engine, known: Adapter, active: Adapter | None) -> bool | None:
    probes = Probes.of(known)
    if not probes.prompts:
        return None
    return probe(engine, probes.prompts) == probes.replies[active.digest if active else "base"]


def _latest(store: Store, assistant_id: str) -> Adapter | None:
    made = store.adapters.of_assistant(assistant_id)
    return made[0] if made else None


def _told(activation: Activation, seconds: float, equal: bool | None) -> dict[str, Any]:
    return {
        "active": activation.adapter_id or "base",
        "seconds": round(seconds, 3),
        "probes_equal": equal,
    }
