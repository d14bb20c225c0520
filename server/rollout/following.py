"""What becomes of a candidate that passed the gate, as the assistant's plan says."""

from __future__ import annotations

from server.errors import AppError
from server.llm.promotion import promote, start_canary
from server.store import Store
from server.store.adapters import Adapter
from server.store.plans import BY_HAND, WHEN_PASSED
from server.store.runs import GROUNDING, VOICE

AUTOMATIC = "automatic"


def follow_plan(store: Store, adapter: Adapter, *, expected: str) -> str:
    """Promote, try out, or leave the candidate to a person; say what was done, in words.

    `expected` is the activation the candidate was measured against ("" for none): if somebody
    promoted or rolled back since, a person decides. Asked twice, it acts once.
    """
    chosen = store.plans.of(adapter.assistant_id).chosen
    if chosen.promote == BY_HAND:
        return ""
    if _is_out(store, adapter):
        return "It was promoted or tried out already."
    active = store.adapters.active(adapter.assistant_id)[1]
    if adapter.kind == GROUNDING and active is not None and active.kind == VOICE:
        return "Not promoted by itself: it would take the place of your voice, so you decide."
    try:
        if chosen.promote == WHEN_PASSED:
            why = "It passed the gate."
            promote(store, adapter.id, actor=AUTOMATIC, why=why, expected=expected)
            return "Promoted by itself, as the plan says: it passed the gate."
        start_canary(store, adapter.id, chosen.trial, actor=AUTOMATIC, expected=expected)
    except AppError as error:
        return f"Not promoted by itself: {error}"
    return (
        f"A canary began: it answers {chosen.canary_share:.0%} of the visitors until "
        f"{chosen.canary_turns} turns say that it is no worse."
    )


def _is_out(store: Store, adapter: Adapter) -> bool:
    out = {made.adapter_id for made in store.adapters.activations(adapter.assistant_id)}
    out |= {tried.adapter_id for tried in store.canaries.of_assistant(adapter.assistant_id)}
    return adapter.id in out
