"""What the assistant is tuned on: the owner's example replies, and the rows frozen for a run.

Rows are frozen with their dataset (`server.store.datasets`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import insert, select

from server.store.database import Database, new_id, now, records
from server.store.tuning_tables import examples, pairs, preferences

SIDES = ("train", "held_out")
# The origin of a row that nobody wrote or approved: it is made from the owner's content.
GROUNDING = "grounding"


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
    """A training pair as a run used it: frozen, with its side of the split and its lineage.

    `origin`: corrected, approved or voice, and `origin_id` that review's or example's id; or
    grounding, and the id of the passage;
    `group_id` keeps turns of one conversation, and near copies, together; `split`: train or
    held_out; `prompt`: chat messages; `completion`: the reply; `kind`: reply or refusal.
    Of a reviewed turn: `turn_id`, `visitor_id` (a pseudonym), `asked_at`, and `reviewer`,
    `verdict`, `judged_at`. `source_hash`: of the reply as a person saw or wrote it; `masked`: how
    many pieces of personal data were replaced, by kind.
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
    dataset_id: str | None = None
    kind: str = "reply"
    turn_id: str | None = None
    reviewer: str = ""
    verdict: str = ""
    visitor_id: str = ""
    asked_at: datetime | None = None
    judged_at: datetime | None = None
    source_hash: str = ""
    masked: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preference:
    """A row of a preference set, frozen beside the pairs of a run.

    `kind` preference: `completion` is better than `rejected`. `kind` judged: `label` says whether
    a visitor and a reviewer found `completion` good. `origin_id`: the review behind it.
    """

    id: str
    assistant_id: str
    run_id: str
    kind: str
    origin_id: str
    turn_id: str
    reviewer: str
    visitor_id: str
    group_id: str
    split: str
    question: str
    prompt: list[dict[str, str]]
    completion: str
    rejected: str | None
    label: bool | None
    hash: str
    dataset_id: str | None = None


def people_first(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs that people wrote or approved; where there are none, those made from content."""
    return [pair for pair in pairs if pair.origin != GROUNDING] or list(pairs)


_EXAMPLE = [examples.c[name] for name in Example.__slots__]
_PAIR = [pairs.c[name] for name in Pair.__slots__]
_PREFERENCE = [preferences.c[name] for name in Preference.__slots__]


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

    def of_run(self, run_id: str, *, split: str | None = None) -> list[Pair]:
        query = select(*_PAIR).where(pairs.c.run_id == run_id)
        if split is not None:
            query = query.where(pairs.c.split == split)
        with self._db.read() as connection:
            return records(Pair, connection.execute(query.order_by(pairs.c.seq)).all())

    def preferences(self, run_id: str, *, split: str | None = None) -> list[Preference]:
        """The preference rows of a run."""
        query = select(*_PREFERENCE).where(preferences.c.run_id == run_id)
        if split is not None:
            query = query.where(preferences.c.split == split)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(preferences.c.seq)).all()
        return records(Preference, rows)

    def sides(self, assistant_id: str) -> dict[str, str]:
        """The side that each turn or example had in the newest dataset that held it."""
        query = (
            select(pairs.c.turn_id, pairs.c.origin_id, pairs.c.split)
            .where(pairs.c.assistant_id == assistant_id)
            .order_by(pairs.c.seq)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return {row.turn_id or row.origin_id: row.split for row in rows}
