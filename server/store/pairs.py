"""What the assistant is tuned on: the owner's example replies, and the pairs frozen for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import func, insert, select

from server.store.database import Database, new_id, now, records
from server.store.tables import examples, pairs


@dataclass(frozen=True, slots=True)
class Example:
    """One of the owner's own replies to a question; `context` is what it was written from."""

    id: str
    assistant_id: str
    question: str
    answer: str
    context: str | None
    hash: str
    origin: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewExample:
    """An example reply about to be imported."""

    question: str
    answer: str
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A training pair as a run used it: frozen, with its side of the split.

    `origin`: corrected, approved or voice; `group_id` keeps turns of one conversation together;
    `split`: train or held_out; `prompt`: chat messages; `completion`: the reply.
    """

    id: str
    assistant_id: str
    run_id: str
    origin: str
    origin_id: str
    group_id: str
    split: str
    question: str
    prompt: list[dict[str, str]]
    completion: str
    hash: str


_EXAMPLE = [examples.c[name] for name in Example.__slots__]
_PAIR = [pairs.c[name] for name in Pair.__slots__]


class Pairs:
    """Verbs on examples and pairs."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def import_examples(
        self, assistant_id: str, new: Sequence[NewExample], *, origin: str
    ) -> tuple[int, int]:
        """Add examples not known yet, all or none; return (added, already known)."""
        rows = {}
        for example in new:
            digest = blake2b(
                f"{example.question}\0{example.answer}\0{example.context or ''}".encode(),
                digest_size=16,
            ).hexdigest()
            rows[digest] = {
                "id": new_id("exa"),
                "assistant_id": assistant_id,
                "question": example.question,
                "answer": example.answer,
                "context": example.context,
                "hash": digest,
                "origin": origin,
                "created_at": now(),
            }
        with self._db.write() as connection:
            known = set(
                connection.scalars(
                    select(examples.c.hash).where(examples.c.assistant_id == assistant_id)
                )
            )
            fresh = [row for digest, row in rows.items() if digest not in known]
            if fresh:
                connection.execute(insert(examples), fresh)
        return len(fresh), len(new) - len(fresh)

    def examples(self, assistant_id: str) -> list[Example]:
        query = select(*_EXAMPLE).where(examples.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            return records(Example, connection.execute(query.order_by(examples.c.seq)).all())

    def freeze(self, run_id: str, new: Sequence[Pair]) -> int:
        """Store a run's pairs once; a second call for the same run changes nothing."""
        with self._db.write() as connection:
            there = connection.scalar(
                select(func.count()).select_from(pairs).where(pairs.c.run_id == run_id)
            )
            if not there and new:
                rows = [{name: getattr(p, name) for name in Pair.__slots__} for p in new]
                connection.execute(insert(pairs), rows)
        return there or len(new)

    def of_run(self, run_id: str, *, split: str | None = None) -> list[Pair]:
        query = select(*_PAIR).where(pairs.c.run_id == run_id)
        if split is not None:
            query = query.where(pairs.c.split == split)
        with self._db.read() as connection:
            return records(Pair, connection.execute(query.order_by(pairs.c.seq)).all())
