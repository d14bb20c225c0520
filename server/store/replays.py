"""Replays: logged questions answered once more, by what is active and by a candidate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, insert, select, update

from server.errors import Conflict, NotFound
from server.store import activations
from server.store.database import Database, new_id, now, record, records
from server.store.rollout_tables import replays
from server.store.tables import conversations, turns

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


@dataclass(frozen=True, slots=True)
class Replay:
    """`results`: a row a question, {"turn", "conversation", "question", "before", "after"}; the
    last two are None until answered, then {"reply", "label", "ms"}."""

    seq: int
    id: str
    assistant_id: str
    adapter_id: str
    status: str
    done: int
    total: int
    results: list[dict[str, Any]]
    error: str
    actor: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.status == RUNNING


_REPLAY = [replays.c[name] for name in Replay.__slots__]


class Replays:
    """Verbs on replays."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def ask(
        self, assistant_id: str, adapter_id: str, questions: list[dict[str, str]], *, actor: str
    ) -> Replay:
        """Ask for a replay; Conflict while one of this assistant is open."""
        row_id = new_id("rpl")
        rows = [question | {"before": None, "after": None} for question in questions]
        with self._db.write() as connection:
            activations.lock(connection, assistant_id)
            open_one = connection.scalar(
                select(replays.c.id).where(
                    replays.c.assistant_id == assistant_id, replays.c.status == RUNNING
                )
            )
            if open_one:
                raise Conflict("A replay is under way.", hint="Wait for it, or cancel it.")
            connection.execute(
                insert(replays).values(
                    id=row_id,
                    assistant_id=assistant_id,
                    adapter_id=adapter_id,
                    status=RUNNING,
                    done=0,
                    total=len(rows),
                    results=rows,
                    error="",
                    actor=actor,
                    created_at=now(),
                )
            )
        return self.replay(row_id)

    def replay(self, replay_id: str) -> Replay:
        with self._db.read() as connection:
            row = connection.execute(select(*_REPLAY).where(replays.c.id == replay_id)).first()
        if row is None:
            raise NotFound(f"There is no replay {replay_id[:64]!r}.")
        return record(Replay, row)

    def of_adapter(self, adapter_id: str, *, limit: int = 5) -> list[Replay]:
        """Replays of a candidate, newest first."""
        query = select(*_REPLAY).where(replays.c.adapter_id == adapter_id)
        query = query.order_by(replays.c.seq.desc()).limit(limit)
        with self._db.read() as connection:
            return records(Replay, connection.execute(query).all())

    def record(self, replay_id: str, results: list[dict[str, Any]]) -> None:
        """Keep the answers so far; a closed replay stays as it ended."""
        done = sum(row["after"] is not None for row in results)
        self._change(replay_id, results=results, done=done)

    def end(self, replay_id: str, status: str, *, error: str = "") -> Replay:
        """Close a replay; one that is closed already stays as it ended."""
        self._change(replay_id, status=status, error=error, finished_at=now())
        return self.replay(replay_id)

    def questions(self, assistant_id: str, *, limit: int) -> list[dict[str, str]]:
        """The newest questions that visitors began a conversation with, each wording once.

        Follow-ups are left out: they lean on answers that the candidate did not give.
        """
        own = turns.alias()
        earlier = (own.c.conversation_id == turns.c.conversation_id, own.c.seq < turns.c.seq)
        newest = (
            select(func.max(turns.c.seq))
            .join(conversations, conversations.c.id == turns.c.conversation_id)
            .where(
                turns.c.assistant_id == assistant_id,
                turns.c.status == "complete",
                conversations.c.token_hash != "",
                ~exists().where(*earlier),
            )
            .group_by(func.lower(turns.c.question))
        )
        query = (
            select(turns.c.id, turns.c.conversation_id, turns.c.question)
            .where(turns.c.seq.in_(newest))
            .order_by(turns.c.seq.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [
            {"turn": row.id, "conversation": row.conversation_id, "question": row.question}
            for row in rows
        ]

    def _change(self, replay_id: str, **values: Any) -> None:
        with self._db.write() as connection:
            connection.execute(
                update(replays)
                .where(replays.c.id == replay_id, replays.c.status == RUNNING)
                .values(**values)
            )
