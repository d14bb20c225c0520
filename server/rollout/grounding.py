"""The grounding run: when it is offered, and when one begins by itself.

It needs content that has come to rest, and nothing tuned that it would replace: what it makes
answers from the content in its own words, in no manner of the owner's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from server.rollout.schedule import is_open
from server.store import Store
from server.store.plans import AUTO, OFF, Plan
from server.store.runs import GROUNDING, OPEN_STATUSES

# Whoever adds a source often adds another: until then a run would be about half the content.
SETTLED = timedelta(minutes=30)
_BEING_READ = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Standing:
    """How an assistant stands towards a grounding run.

    `ready`, `sentence`: what the worker counted in the content; `since`: from when on it is as it
    is. `is_read`: no source is being read; `is_asked`: a grounding run was asked for since;
    `is_tuned`: a tuned model answers already; `is_busy`: a run of the assistant is open.
    """

    ready: bool
    sentence: str
    since: datetime
    is_read: bool
    is_asked: bool
    is_tuned: bool
    is_busy: bool

    @property
    def is_due(self) -> bool:
        """Whether a run would bring something now."""
        return self.ready and not (self.is_asked or self.is_tuned or self.is_busy)


def standing_of(store: Store, assistant_id: str) -> Standing | None:
    """Where an assistant stands; None before its content was counted, or where there is none."""
    meter = store.meters.of(assistant_id)
    counted = meter.content.get("grounding") if meter else None
    sources = store.knowledge.sources(assistant_id)
    if not counted or not sources:
        return None
    since = datetime.fromisoformat(counted["since"])
    runs = store.runs.of_assistant(assistant_id)
    return Standing(
        ready=counted["ready"],
        sentence=counted["sentence"],
        since=since,
        is_read=not any(source.status in _BEING_READ for source in sources),
        is_asked=any(run.kind == GROUNDING and run.created_at >= since for run in runs),
        is_tuned=store.adapters.active(assistant_id)[1] is not None,
        is_busy=any(run.status in OPEN_STATUSES for run in runs),
    )


def is_offered(plan: Plan, standing: Standing) -> bool:
    """Whether a person is offered a run."""
    return plan.chosen.grounding != OFF and standing.is_due


def begins_now(plan: Plan, standing: Standing, at: datetime) -> bool:
    """Whether a run may begin by itself: as planned, in open hours, once the content rests."""
    rests = standing.is_read and at - standing.since >= SETTLED
    return plan.chosen.grounding == AUTO and standing.is_due and rests and is_open(plan.chosen, at)
