"""Watching new voices: ends canaries and takes back what does worse, without anybody looking."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from server.errors import AppError, Conflict
from server.llm.promotion import check_promotable, roll_back
from server.periodic import Periodic
from server.rollout.rates import FLOOR
from server.rollout.verdicts import Judgement, judge_canary, judge_drift
from server.store import Store
from server.store.activations import PROMOTED, Activation
from server.store.canaries import ROLLED_BACK, STOPPED, Canary
from server.store.database import now
from server.store.outcomes import TurnOutcome

log = logging.getLogger(__name__)

CANARY, DRIFT = "canary", "drift watch"
_LOOK_SECONDS = 10.0
# A comparison with turns of half a year ago would be one of seasons.
_WINDOW = timedelta(days=60)
_MOST_BEFORE = 1000
# Five looks: 50, 100, 200, 400 and 800 turns. What shows up later is not the promotion's doing.
_MOST_AFTER = FLOOR * 2**4
_MOST_IN_CANARY = 50_000
_MOST_TRIALS = 100


def weigh_canary(store: Store, canary: Canary, *, at: datetime) -> Judgement:
    """How a canary stands: from the moment on at which the candidate could be heard."""
    began = canary.served.get("at")
    since = datetime.fromisoformat(began) if began else at
    turns = store.outcomes.after(canary.assistant_id, since, limit=_MOST_IN_CANARY)
    return judge_canary(canary, turns, now=at)


def weigh_drift(store: Store, activation: Activation) -> Judgement:
    """How the promoted voice does beside the time before it."""
    adapter = store.adapters.adapter(activation.adapter_id) if activation.adapter_id else None
    moment, assistant_id = activation.created_at, activation.assistant_id
    earlier = store.outcomes.before(
        assistant_id, moment, since=moment - _WINDOW, limit=_MOST_BEFORE
    )
    before = [t for t in earlier if adapter is None or t.adapter != adapter.digest]
    later = store.outcomes.after(assistant_id, moment, until=moment + _WINDOW, limit=_MOST_AFTER)
    tried = store.canaries.of_assistant(assistant_id, limit=_MOST_TRIALS)
    return judge_drift(_untried(before, tried), _untried(later, tried))


def look_at_canary(store: Store, canary: Canary, *, at: datetime) -> None:
    """Note how it stands; end it if that decides it."""
    judged = weigh_canary(store, canary, at=at)
    rows = [row.as_row() for row in judged.rows]
    if rows and rows != canary.figures:
        store.canaries.note(canary.id, figures=rows)
    if judged.status is None:
        return
    status, reason = judged.status, judged.reason
    if status == PROMOTED:
        try:
            check_promotable(store.adapters.adapter(canary.adapter_id))
        except AppError as error:
            status, reason = ROLLED_BACK, str(error)
    end_canary(store, canary, status, reason=reason, actor=CANARY)
    log.info("canary %s ended: %s. %s", canary.id, status, reason)


def end_canary(store: Store, canary: Canary, status: str, *, reason: str, actor: str) -> None:
    """Close a canary and write into the audit trail how; Conflict if it has ended already."""
    store.canaries.end(canary.id, status, reason=reason, actor=actor)
    store.audit.add(actor, "canary.end", canary.adapter_id, canary=canary.id, status=status)
    if status == PROMOTED:
        store.audit.add(actor, "adapter.promote", canary.adapter_id, why=reason)


def stop_canary(store: Store, canary_id: str, *, actor: str) -> Canary:
    """A person ends a canary before its time: what is active answers everybody again."""
    canary = store.canaries.canary(canary_id)
    end_canary(store, canary, STOPPED, reason=f"{actor} stopped it.", actor=actor)
    return store.canaries.canary(canary_id)


def look_at_drift(store: Store, activation: Activation) -> None:
    """Roll a promoted voice back if it does surely worse than what stood before."""
    judged = weigh_drift(store, activation)
    if judged.status == ROLLED_BACK:
        log.warning("rolling back %s: %s", activation.adapter_id, judged.reason)
        roll_back(
            store,
            activation.assistant_id,
            actor=DRIFT,
            why=judged.reason,
            expected=activation.id,
        )


class Watch(Periodic):
    """Looks at every canary and every promoted voice."""

    def __init__(self, store: Store, *, seconds: float = _LOOK_SECONDS) -> None:
        super().__init__("rollout", seconds)
        self._store = store

    def look(self) -> None:
        """Look once; one that fails keeps no other waiting."""
        moment = now()
        for canary in self._store.canaries.running().values():
            try:
                look_at_canary(self._store, canary, at=moment)
            except Conflict as error:
                log.info("canary %s was ended by somebody else: %s", canary.id, error)
            except Exception:
                log.exception("looking at canary %s failed", canary.id)
        for activation in self._store.adapters.in_force().values():
            if activation.reason != PROMOTED or activation.adapter_id is None:
                continue
            try:
                if self._store.plans.of(activation.assistant_id).chosen.watch_drift:
                    look_at_drift(self._store, activation)
            except Conflict as error:
                log.info("not rolled back: %s", error)
            except Exception:
                log.exception("looking for drift of %s failed", activation.adapter_id)


def _untried(turns: Sequence[TurnOutcome], canaries: Sequence[Canary]) -> list[TurnOutcome]:
    """The turns of visitors whom no canary held at the time: what those heard was its doing."""
    return [turn for turn in turns if not any(_held(canary, turn) for canary in canaries)]


def _held(canary: Canary, turn: TurnOutcome) -> bool:
    began, ended = canary.created_at, canary.finished_at
    is_then = began <= turn.created_at and (ended is None or turn.created_at < ended)
    return is_then and canary.holds(turn.visitor_id)
