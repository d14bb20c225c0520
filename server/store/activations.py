"""Activations: the moments at which what answers changed. Rows are only ever added.

These work on an open connection, so that a verb can make one together with what it follows from;
`server.store.adapters` and `server.store.canaries` own the verbs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from server.errors import Conflict
from server.store.database import new_id, now, record, records
from server.store.rollout_tables import canaries
from server.store.tables import assistants
from server.store.tuning_tables import activations

PROMOTED, ROLLED_BACK = "promoted", "rolled back"


@dataclass(frozen=True, slots=True)
class Activation:
    """A moment at which an adapter (None: the base model) became the one that answers.

    `reason`: promoted or rolled back; `why`: in words, where a rule decided it.
    """

    seq: int
    id: str
    assistant_id: str
    adapter_id: str | None
    reason: str
    actor: str
    why: str
    created_at: datetime


_ACTIVATION = [activations.c[name] for name in Activation.__slots__]


def lock(connection: Connection, assistant_id: str) -> None:
    """Let one transaction at a time decide what answers for an assistant.

    SQLite's BEGIN IMMEDIATE does that already; PostgreSQL would let two read the same newest row.
    """
    connection.execute(
        select(assistants.c.seq)
        .where(assistants.c.id == assistant_id)
        .with_for_update(key_share=True)
    )


def latest(connection: Connection, assistant_id: str) -> Activation | None:
    row = connection.execute(_of(assistant_id).limit(1)).first()
    return record(Activation, row) if row else None


def history(connection: Connection, assistant_id: str) -> list[Activation]:
    """What answered, newest first."""
    return records(Activation, connection.execute(_of(assistant_id)).all())


def in_force(connection: Connection) -> dict[str, Activation]:
    """The newest activation of every assistant that has one."""
    newest = select(func.max(activations.c.seq)).group_by(activations.c.assistant_id)
    query = select(*_ACTIVATION).where(activations.c.seq.in_(newest))
    found = records(Activation, connection.execute(query).all())
    return {activation.assistant_id: activation for activation in found}


def check_unchanged(current: Activation | None, expected: str | None) -> None:
    """Conflict, with who came in between and when, unless `expected` is still what is active.

    `expected` is the id of the activation the caller saw ("" for none); None skips the check.
    """
    if expected is None or (current.id if current else "") == expected:
        return
    hint = "Look at what is active now, then decide again."
    if current is None:
        raise Conflict("What was active is gone.", hint=hint)
    what = current.adapter_id or "the base model"
    at = current.created_at
    raise Conflict(
        f"Somebody else has promoted or rolled back in the meantime: {current.actor} "
        f"{'rolled back to' if current.reason == ROLLED_BACK else 'promoted'} {what} on "
        f"{at.day} {at:%B %Y at %H:%M:%S} UTC. Nothing was changed.",
        hint=hint,
    )


def add(
    connection: Connection,
    assistant_id: str,
    adapter_id: str | None,
    *,
    reason: str,
    actor: str,
    why: str = "",
    expected: str | None = None,
) -> Activation:
    """Make an adapter the one that answers; a canary under way ends: its rival is gone."""
    lock(connection, assistant_id)
    check_unchanged(latest(connection, assistant_id), expected)
    row_id, moment = new_id("act"), now()
    connection.execute(
        update(canaries)
        .where(canaries.c.assistant_id == assistant_id, canaries.c.status == "running")
        .values(
            status="stopped",
            reason=f"{actor} {reason} {adapter_id or 'the base model'} meanwhile.",
            finished_at=moment,
        )
    )
    connection.execute(
        insert(activations).values(
            id=row_id,
            assistant_id=assistant_id,
            adapter_id=adapter_id,
            reason=reason,
            actor=actor,
            why=why,
            created_at=moment,
        )
    )
    row = connection.execute(select(*_ACTIVATION).where(activations.c.id == row_id)).one()
    return record(Activation, row)


def before(made: list[Activation]) -> str | None:
    """The adapter that stood before the present one was first promoted; `made`: newest first.

    Replays the history as a stack: a promotion pushes, a roll back pops. Promoting what answers
    already changes nothing, so the way back does not lead to itself.
    """
    stack: list[str | None] = [None]
    for activation in reversed(made):
        if activation.reason == ROLLED_BACK:
            stack = stack[:-1] or [None]
        elif activation.adapter_id != stack[-1]:
            stack.append(activation.adapter_id)
    return stack[-2] if len(stack) > 1 else None


def _of(assistant_id: str) -> Select[Any]:
    query = select(*_ACTIVATION).where(activations.c.assistant_id == assistant_id)
    return query.order_by(activations.c.seq.desc())
