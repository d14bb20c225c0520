"""Who answers: promote, try out on a share of the visitors, stop that, roll back."""

from __future__ import annotations

from flask import Response, request

from server.errors import AppError, NotFound
from server.store.adapters import Adapter
from server.store.assistants import Assistant
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint
from server.web.console.tuning.page import tuning_page


@blueprint.post("/<key>/adapters/<adapter_id>/promote")
@auth.require("owner")
def promote(key: str, adapter_id: str) -> Response:
    """Make an adapter the one that answers; refused unless it passed the gate."""
    assistant = assistant_at(key)
    found = adapter_of(assistant, adapter_id)
    try:
        auth.services().promote(found.id, actor=auth.actor(), expected=_expected())
    except AppError as error:
        return tuning_page(assistant, error=error)
    return back_to("tuning", key=key, done="promoted")


@blueprint.post("/<key>/adapters/roll-back")
@auth.require("owner")
def roll_back(key: str) -> Response:
    """Return to what was active before, if what is active is still what the person saw."""
    assistant = assistant_at(key)
    try:
        auth.services().roll_back(assistant, actor=auth.actor(), expected=_expected())
    except AppError as error:
        return tuning_page(assistant, error=error)
    return back_to("tuning", key=key, done="rolled-back")


@blueprint.post("/<key>/adapters/<adapter_id>/canary")
@auth.require("owner")
def start_canary(key: str, adapter_id: str) -> Response:
    """Let an adapter answer a share of the visitors, as the plan says."""
    assistant = assistant_at(key)
    found = adapter_of(assistant, adapter_id)
    trial = auth.services().store.plans.of(assistant.id).chosen.trial
    try:
        auth.services().start_canary(found.id, trial, actor=auth.actor(), expected=_expected())
    except AppError as error:
        return tuning_page(assistant, error=error)
    return back_to("tuning", key=key, done="canary")


@blueprint.post("/<key>/canaries/<canary_id>/stop")
@auth.require("owner")
def stop_canary(key: str, canary_id: str) -> Response:
    assistant = assistant_at(key)
    canary = auth.services().store.canaries.canary(canary_id)
    if canary.assistant_id != assistant.id:
        raise NotFound(f"There is no canary {canary_id[:64]!r}.")
    try:
        auth.services().stop_canary(canary.id, actor=auth.actor())
    except AppError as error:
        return tuning_page(assistant, error=error)
    return back_to("tuning", key=key, done="canary-stopped")


def _expected() -> str:
    """The activation that the person saw; "" where nothing was active."""
    return request.form.get("expected", "")


def adapter_of(assistant: Assistant, adapter_id: str) -> Adapter:
    """An adapter of this assistant; NotFound if it is another's."""
    found = auth.services().store.adapters.adapter(adapter_id)
    if found.assistant_id != assistant.id:
        raise NotFound(f"There is no adapter {adapter_id[:64]!r}.")
    return found
