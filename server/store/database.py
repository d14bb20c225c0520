"""The connection: SQLite in WAL by default, PostgreSQL at scale; transactions and migrations."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import Row, make_url

R = TypeVar("R")
_MIGRATION_LOCK = 7_262_001


class Database:
    """One engine; `read()` and `write()` hand out connections, each one transaction."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        # SQLite fails a read transaction that turns into a write at once, whatever the busy
        # timeout; taking the write lock at BEGIN waits for it instead.
        engine = self.engine.execution_options(immediate=True)
        with engine.connect() as connection, connection.begin():
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest migration (idempotent)."""
        logging.getLogger("alembic").setLevel(logging.WARNING)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.write() as connection:
            if not self.is_sqlite:
                # Two processes that start together must not both create the tables.
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        self.engine.dispose()


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def first_day(days: int) -> int:
    """The ordinal of the first of so many days that end today; 0 days: of all time."""
    return now().toordinal() - days + 1 if days else 0


def new_id(prefix: str) -> str:
    """A new unguessable id such as `cnv_3k9...` (100 bits)."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return prefix + "_" + "".join(secrets.choice(alphabet) for _ in range(20))


def record(kind: type[R], row: Row[*tuple[Any, ...]]) -> R:
    """Build a record from a row whose columns are named as its fields."""
    return kind(**row._mapping)


def records(kind: type[R], rows: Sequence[Row[*tuple[Any, ...]]]) -> list[R]:
    return [record(kind, row) for row in rows]


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, json_serializer=_to_json, pool_pre_ping=True)
    engine = create_engine(url, json_serializer=_to_json, connect_args={"timeout": 30})
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=10000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
