"""The schema that the migrations make is the one that the tables describe."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from server.store import Store, rollout_tables, tuning_tables
from server.store.tables import metadata


def _is_ours(_item: Any, name: str | None, kind: str, *_: Any) -> bool:
    # The lexical index is made by hand: no database describes it alike.
    return not (kind in ("table", "index") and "fts" in (name or ""))


def test_migrations_make_every_table_as_it_is_described(sqlite_store: Store) -> None:
    assert {rollout_tables.canaries, tuning_tables.runs} <= set(metadata.tables.values())
    options = {"compare_type": True, "include_object": _is_ours}
    with sqlite_store.database.read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
