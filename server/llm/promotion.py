"""Promoting, trying out on a share of the visitors, and rolling back: rows that serving follows."""

from __future__ import annotations

from server.errors import Refused
from server.prompt import PROMPT_VERSION
from server.store import Store
from server.store.activations import PROMOTED
from server.store.adapters import Activation, Adapter
from server.store.canaries import Canary, Trial


def promote(
    store: Store, adapter_id: str, *, actor: str, why: str = "", expected: str | None = None
) -> Activation:
    """Make an adapter that passed the gate the one that answers. Refused if it did not pass."""
    adapter = store.adapters.adapter(adapter_id)
    check_promotable(adapter)
    activation = store.adapters.activate(
        adapter.assistant_id, adapter.id, reason=PROMOTED, actor=actor, why=why, expected=expected
    )
    store.audit.add(actor, "adapter.promote", adapter.id, why=why)
    return activation


def start_canary(
    store: Store, adapter_id: str, trial: Trial, *, actor: str, expected: str | None = None
) -> Canary:
    """Let an adapter that passed the gate answer a share of the visitors, until it is judged."""
    adapter = store.adapters.adapter(adapter_id)
    check_promotable(adapter)
    canary = store.canaries.start(
        adapter.assistant_id, adapter.id, trial, actor=actor, expected=expected
    )
    store.audit.add(actor, "canary.start", adapter.id, canary=canary.id, share=trial.share)
    return canary


def check_promotable(adapter: Adapter) -> None:
    """Raise Refused unless the adapter passed the gate and speaks this server's prompt."""
    if not adapter.passed:
        reasons = "; ".join(adapter.report.get("gate", {}).get("reasons", [])) or "no reason given"
        raise Refused(f"Adapter {adapter.id} did not pass the gate: {reasons}.")
    if adapter.prompt_version != PROMPT_VERSION:
        raise Refused(
            f"Adapter {adapter.id} was trained on prompt version {adapter.prompt_version}, "
            f"this server speaks {PROMPT_VERSION}.",
            hint="Run the tuning again.",
        )


def roll_back(
    store: Store, assistant_id: str, *, actor: str, why: str = "", expected: str | None = None
) -> Activation:
    """Return to what answered before; the base model if there was nothing."""
    activation = store.adapters.roll_back(assistant_id, actor=actor, why=why, expected=expected)
    store.audit.add(actor, "adapter.rollback", activation.adapter_id or "base", why=why)
    return activation
