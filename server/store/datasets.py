"""Datasets: what a run learnt from, frozen as a whole. One that is stored never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from server.errors import NotFound
from server.store.database import Database, new_id, now, record, records
from server.store.pairs import Pair, Preference
from server.store.tuning_tables import datasets, pairs, preferences


@dataclass(frozen=True, slots=True)
class NewDataset:
    """A dataset about to be frozen: the hash of its rows, and what is told about it."""

    assistant_id: str
    run_id: str
    hash: str
    counts: dict[str, Any]
    card: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A frozen dataset. `number` counts an assistant's datasets from 1; the same rows with the
    same sides have the same hash and number. `counts`: by origin, kind and reason; `card`:
    Markdown for people."""

    seq: int
    id: str
    assistant_id: str
    run_id: str
    number: int
    hash: str
    counts: dict[str, Any]
    card: str
    created_at: datetime


_DATASET = [datasets.c[name] for name in Dataset.__slots__]


class Datasets:
    """Verbs on datasets."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def freeze(
        self, new: NewDataset, own: Sequence[Pair], preferred: Sequence[Preference] = ()
    ) -> Dataset:
        """Store a run's dataset with its rows, once; a second call for the run changes nothing."""
        with self._db.write() as connection:
            there = self._find(connection, new.run_id)
            if there is not None:
                return there
            dataset_id = new_id("dst")
            connection.execute(
                insert(datasets).values(
                    id=dataset_id,
                    assistant_id=new.assistant_id,
                    run_id=new.run_id,
                    number=_number(connection, new),
                    hash=new.hash,
                    counts=new.counts,
                    card=new.card,
                    created_at=now(),
                )
            )
            mark = {"dataset_id": dataset_id, "run_id": new.run_id}
            if own:
                rows = [_values(pair) | mark for pair in own]
                connection.execute(insert(pairs), rows)
            if preferred:
                rows = [_values(preference) | mark for preference in preferred]
                connection.execute(insert(preferences), rows)
            row = connection.execute(select(*_DATASET).where(datasets.c.id == dataset_id)).one()
        return record(Dataset, row)

    def of_run(self, run_id: str) -> Dataset | None:
        """The dataset of a run; None if it has not come so far."""
        with self._db.read() as connection:
            return self._find(connection, run_id)

    def get(self, assistant_id: str, dataset_id: str) -> Dataset:
        """One dataset of an assistant."""
        query = select(*_DATASET).where(
            datasets.c.id == dataset_id, datasets.c.assistant_id == assistant_id
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound("There is no such dataset.")
        return record(Dataset, row)

    def of_assistant(self, assistant_id: str) -> list[Dataset]:
        """Datasets of an assistant, newest first."""
        query = select(*_DATASET).where(datasets.c.assistant_id == assistant_id)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(datasets.c.seq.desc())).all()
        return records(Dataset, rows)

    def _find(self, connection: Connection, run_id: str) -> Dataset | None:
        query = select(*_DATASET).where(datasets.c.run_id == run_id)
        row = connection.execute(query).first()
        return record(Dataset, row) if row else None


def _number(connection: Connection, new: NewDataset) -> int:
    """That of the same rows frozen before, or the next one."""
    own = datasets.c.assistant_id == new.assistant_id
    same = select(func.min(datasets.c.number)).where(own, datasets.c.hash == new.hash)
    if (known := connection.scalar(same)) is not None:
        return int(known)
    return int(connection.scalar(select(func.max(datasets.c.number)).where(own)) or 0) + 1


def _values(row: Pair | Preference) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}
