"""The columns that tables share, and the metadata that names their constraints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, this gives it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


def seq_() -> Column[int]:
    # Order is by sequence, never by clock: clocks go backwards.
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("seq", kind, primary_key=True, autoincrement=True)


def id_() -> Column[str]:
    return Column("id", String(64), nullable=False, unique=True)


def ref_(name: str, target: str, *, null: bool = False) -> Column[Any]:
    return Column(name, String(64), ForeignKey(f"{target}.id"), nullable=null, index=True)


def text_(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, default=default)


def count_(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0)


def json_(name: str) -> Column[Any]:
    return Column(name, JSON, nullable=False)


def at_(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, Moment, nullable=null)
