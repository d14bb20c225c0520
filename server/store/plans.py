"""Plans: how an assistant is tuned by itself: who promotes, what is tried first, when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from sqlalchemy import Connection, insert, select, update

from server.errors import Invalid
from server.store.activations import lock
from server.store.canaries import Trial
from server.store.database import Database, now
from server.store.rollout_tables import plans

Promote = Literal["by hand", "when the gate passes", "canary first"]
Grounding = Literal["off", "ask", "auto"]
BY_HAND: Promote = "by hand"
WHEN_PASSED: Promote = "when the gate passes"
CANARY_FIRST: Promote = "canary first"
OFF: Grounding = "off"
AUTO: Grounding = "auto"


class PlanSettings(BaseModel):
    """What an owner decides about tuning; the defaults change nothing by themselves.

    `schedule`: five fields of cron, in `time_zone`; empty: none. `every_pairs`: a run begins once
    there are so many new replies; 0: never. `from_hour`, `to_hour`: runs that begin by themselves
    begin within these hours only; equal: at any time. `grounding`: what becomes of new content: a
    grounding run is offered (ask), begins by itself (auto), or neither (off).
    """

    model_config = ConfigDict(extra="forbid")

    promote: Promote = BY_HAND
    canary_share: float = Field(default=0.2, ge=0.05, le=0.5)
    canary_turns: int = Field(default=100, ge=50, le=10_000)
    canary_days: int = Field(default=14, ge=1, le=60)
    watch_drift: bool = True
    schedule: str = Field(default="", max_length=100)
    every_pairs: int = Field(default=0, ge=0, le=10_000)
    from_hour: int = Field(default=0, ge=0, le=23)
    to_hour: int = Field(default=0, ge=0, le=23)
    time_zone: str = Field(default="UTC", max_length=64)
    grounding: Grounding = "ask"

    @field_validator("schedule")
    @classmethod
    def _schedule(cls, value: str) -> str:
        text = " ".join(value.split())
        # Five fields: a sixth would mean seconds, and a run takes minutes.
        if text and (len(text.split()) != 5 or not croniter.is_valid(text)):
            raise ValueError('Write five fields as cron has them, such as "0 3 * * 1"')
        return text

    @field_validator("time_zone")
    @classmethod
    def _time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):  # no such zone; no name of a zone; a folder of them
            raise ValueError("Write a time zone such as Europe/Oslo") from None
        return value

    @model_validator(mode="after")
    def _happens(self) -> PlanSettings:
        if self.schedule:
            try:
                croniter(self.schedule, now()).get_next()
            except CroniterBadDateError:
                raise ValueError("That schedule never comes: there is no such day") from None
        return self

    @property
    def trial(self) -> Trial:
        """How a canary of this assistant goes."""
        return Trial(self.canary_share, self.canary_turns, self.canary_days)

    @property
    def runs_by_itself(self) -> bool:
        return bool(self.schedule or self.every_pairs)


@dataclass(frozen=True, slots=True)
class Plan:
    """An assistant's plan. `handled_at`: up to when it was looked after; `outcome`: what came of
    the last time, in words."""

    assistant_id: str
    chosen: PlanSettings
    handled_at: datetime
    outcome: str


class Plans:
    """Verbs on plans; an assistant without a row has the defaults."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, assistant_id: str) -> Plan:
        with self._db.read() as connection:
            return _of(connection, assistant_id)

    def change(self, assistant_id: str, changes: dict[str, Any]) -> Plan:
        """Merge changes into the plan; Invalid names the first wrong field.

        What was due before the change is not made up for.
        """
        with self._db.write() as connection:
            # Read and written as one: two who change different fields both come in.
            lock(connection, assistant_id)
            chosen = parse_plan(_of(connection, assistant_id).chosen.model_dump() | changes)
            _put(connection, assistant_id, chosen=chosen.model_dump(), handled_at=now())
        return self.of(assistant_id)

    def handled(self, assistant_id: str, at: datetime, outcome: str) -> None:
        """The schedule was looked after up to a moment, and this came of it."""
        with self._db.write() as connection:
            lock(connection, assistant_id)
            _put(connection, assistant_id, handled_at=at, outcome=outcome)


def _of(connection: Connection, assistant_id: str) -> Plan:
    row = connection.execute(select(plans).where(plans.c.assistant_id == assistant_id)).first()
    if row is None:
        return Plan(assistant_id, PlanSettings(), now(), "")
    return Plan(assistant_id, PlanSettings.model_validate(row.chosen), row.handled_at, row.outcome)


def _put(connection: Connection, assistant_id: str, **values: Any) -> None:
    changed = connection.execute(
        update(plans).where(plans.c.assistant_id == assistant_id).values(**values)
    ).rowcount
    if not changed:
        fresh = {"chosen": PlanSettings().model_dump(), "handled_at": now(), "outcome": ""}
        connection.execute(insert(plans).values(assistant_id=assistant_id, **fresh | values))


def parse_plan(values: dict[str, Any]) -> PlanSettings:
    """Check a plan; Invalid with the field's name and what is wrong with it."""
    try:
        return PlanSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "schedule"
        raise Invalid(f"{where}: {first['msg'].removeprefix('Value error, ')}.") from None
