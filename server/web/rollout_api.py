"""The private API of rollout: plans, canaries, and replays of logged questions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from server.errors import Invalid, NotFound
from server.store.adapters import Adapter
from server.store.assistants import Assistant
from server.store.canaries import Canary, Trial
from server.store.plans import Plan, parse_plan
from server.store.replays import Replay
from server.web import auth
from server.web.admin_api import body_object

blueprint = Blueprint("rollout_api", __name__, url_prefix="/api/v1/admin/assistants/<key>")
blueprint.before_request(auth.protect)

_TRIAL = ("share", "turns", "days")


@blueprint.get("/plan")
@auth.require("viewer")
def show_plan(key: str) -> ResponseReturnValue:
    return jsonify(_plan(auth.services().store.plans.of(_assistant(key).id)))


@blueprint.patch("/plan")
@auth.require("owner")
def change_plan(key: str) -> ResponseReturnValue:
    """Change some of the plan, all or nothing; what is left out stays."""
    store, assistant, body = auth.services().store, _assistant(key), body_object()
    changed = store.plans.change(assistant.id, body)
    store.audit.add(auth.actor(), "plan.change", assistant.id, fields=sorted(body))
    return jsonify(_plan(changed))


@blueprint.get("/canaries")
@auth.require("viewer")
def list_canaries(key: str) -> ResponseReturnValue:
    """The newest canaries, with the figures that they were judged by."""
    found = auth.services().store.canaries.of_assistant(_assistant(key).id)
    return jsonify(canaries=[_canary(canary) for canary in found])


@blueprint.post("/adapters/<adapter_id>/canary")
@auth.require("owner")
def start_canary(key: str, adapter_id: str) -> ResponseReturnValue:
    """Let an adapter answer a share of the visitors, as the plan says unless the body does."""
    adapter, body = _adapter(_assistant(key), adapter_id), body_object()
    trial, expected = _trial(adapter.assistant_id, body), body.get("expected")
    if not isinstance(expected, str | None):
        raise Invalid("Expected is no text.", hint="Send the id of the activation that you saw.")
    made = auth.services().start_canary(adapter.id, trial, actor=auth.actor(), expected=expected)
    return jsonify(_canary(made)), 201


@blueprint.post("/canaries/<canary_id>/stop")
@auth.require("owner")
def stop_canary(key: str, canary_id: str) -> ResponseReturnValue:
    assistant, services = _assistant(key), auth.services()
    if services.store.canaries.canary(canary_id).assistant_id != assistant.id:
        raise NotFound(f"There is no canary {canary_id[:64]!r}.")
    return jsonify(_canary(services.stop_canary(canary_id, actor=auth.actor())))


@blueprint.get("/adapters/<adapter_id>/replays")
@auth.require("viewer")
def list_replays(key: str, adapter_id: str) -> ResponseReturnValue:
    """The newest replays of a candidate, without what was answered."""
    adapter = _adapter(_assistant(key), adapter_id)
    found = auth.services().store.replays.of_adapter(adapter.id)
    return jsonify(replays=[_replay(replay) for replay in found])


@blueprint.post("/adapters/<adapter_id>/replays")
@auth.require("owner")
def start_replay(key: str, adapter_id: str) -> ResponseReturnValue:
    adapter = _adapter(_assistant(key), adapter_id)
    made = auth.services().ask_for_replay(adapter.id, actor=auth.actor())
    return jsonify(_replay(made)), 202


@blueprint.get("/replays/<replay_id>")
@auth.require("viewer")
def show_replay(key: str, replay_id: str) -> ResponseReturnValue:
    """One replay with every question and both answers."""
    found = _replay_of(_assistant(key), replay_id)
    return jsonify(_replay(found) | {"results": found.results})


@blueprint.post("/replays/<replay_id>/cancel")
@auth.require("owner")
def cancel_replay(key: str, replay_id: str) -> ResponseReturnValue:
    found = _replay_of(_assistant(key), replay_id)
    return jsonify(_replay(auth.services().cancel_replay(found, actor=auth.actor())))


def _trial(assistant_id: str, body: dict[str, Any]) -> Trial:
    """How the canary goes; Invalid names what the body has wrong."""
    if unknown := sorted(set(body) - {*_TRIAL, "expected"}):
        raise Invalid(
            f"A canary has no {unknown[0][:32]!r}.", hint=f"Use {', '.join(_TRIAL)}, expected."
        )
    chosen = auth.services().store.plans.of(assistant_id).chosen.model_dump()
    return parse_plan(chosen | {f"canary_{n}": body[n] for n in _TRIAL if n in body}).trial


def _assistant(key: str) -> Assistant:
    return auth.services().store.assistants.by_key(key)


def _adapter(assistant: Assistant, adapter_id: str) -> Adapter:
    found = auth.services().store.adapters.adapter(adapter_id)
    if found.assistant_id != assistant.id:
        raise NotFound(f"There is no adapter {adapter_id[:64]!r}.")
    return found


def _replay_of(assistant: Assistant, replay_id: str) -> Replay:
    found = auth.services().store.replays.replay(replay_id)
    if found.assistant_id != assistant.id:
        raise NotFound(f"There is no replay {replay_id[:64]!r}.")
    return found


def _plan(plan: Plan) -> dict[str, Any]:
    return plan.chosen.model_dump() | {
        "outcome": plan.outcome,
        "handled_at": plan.handled_at.isoformat() if plan.outcome else None,
    }


def _canary(canary: Canary) -> dict[str, Any]:
    names = ("status", "reason", "share", "turns", "figures", "served")
    return {name: getattr(canary, name) for name in names} | {
        "canary": canary.id,
        "adapter": canary.adapter_id,
        "started_by": canary.actor,
        "created_at": canary.created_at.isoformat(),
        "ends_at": canary.ends_at.isoformat(),
        "finished_at": canary.finished_at.isoformat() if canary.finished_at else None,
    }


def _replay(replay: Replay) -> dict[str, Any]:
    return {name: getattr(replay, name) for name in ("status", "done", "total", "error")} | {
        "replay": replay.id,
        "adapter": replay.adapter_id,
        "requested_by": replay.actor,
        "created_at": replay.created_at.isoformat(),
        "finished_at": replay.finished_at.isoformat() if replay.finished_at else None,
    }
