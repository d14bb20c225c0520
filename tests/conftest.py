"""What every test may use: a store on SQLite and, where a server is at hand, on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from server.llm.models import Prepared, prepare
from server.store import Store, open_store

POSTGRES = os.environ.get("PARLANCE_TEST_POSTGRES", "postgresql://127.0.0.1/test")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty, migrated store; every test that takes it runs on both databases."""
    if request.param == "sqlite":
        opened = open_store(f"sqlite:///{tmp_path / 'parlance.db'}")
    else:
        _empty_postgres()
        opened = open_store(POSTGRES)
    yield opened
    opened.database.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An empty, migrated store on SQLite only."""
    opened = open_store(f"sqlite:///{tmp_path / 'parlance.db'}")
    yield opened
    opened.database.close()


@pytest.fixture(scope="session")
def prepared() -> Prepared:
    """The real default model, prepared once per checkout: 20 s the first time, then at once."""
    return prepare(Path(__file__).parents[1] / "var" / "test")


def _empty_postgres() -> None:
    engine = create_engine(POSTGRES)
    try:
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    except OperationalError:
        pytest.skip("no PostgreSQL on 127.0.0.1 with a database 'test'")
    finally:
        engine.dispose()
