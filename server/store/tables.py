"""Every table. Migrations are made from these; queries live in the module of each owner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
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


def _seq() -> Column[int]:
    # Order is by sequence, never by clock: clocks go backwards.
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("seq", kind, primary_key=True, autoincrement=True)


def _id() -> Column[str]:
    return Column("id", String(64), nullable=False, unique=True)


def _ref(name: str, target: str, *, null: bool = False) -> Column[Any]:
    return Column(name, String(64), ForeignKey(f"{target}.id"), nullable=null, index=True)


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, default=default)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0)


def _json(name: str) -> Column[Any]:
    return Column(name, JSON, nullable=False)


def _at(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, Moment, nullable=null)


assistants = Table(
    "assistants",
    metadata,
    _seq(),
    _id(),
    Column("key", String(64), nullable=False, unique=True),
    _text("name"),
    _json("settings"),
    _at("created_at"),
)

sources = Table(
    "sources",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    Column("kind", String(16), nullable=False),
    _text("location"),
    _json("options"),
    Column("status", String(16), nullable=False),
    _text("error"),
    Column("workflow_id", String(64), nullable=True),
    _json("counts"),
    _at("created_at"),
    _at("updated_at"),
    UniqueConstraint("assistant_id", "location"),
)

# The pages a crawl knows of: its frontier and its memory. A killed crawl goes on from here.
visits = Table(
    "visits",
    metadata,
    _seq(),
    _ref("source_id", "sources"),
    Column("round", Integer, nullable=False),
    _text("url"),
    _count("depth"),
    Column("status", String(16), nullable=False),
    _text("reason"),
    UniqueConstraint("source_id", "round", "url"),
)

pages = Table(
    "pages",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    _ref("source_id", "sources"),
    _text("url"),
    _text("title"),
    Column("hash", String(64), nullable=False),
    _count("version"),
    _count("round"),
    _at("fetched_at"),
    UniqueConstraint("source_id", "url"),
)

passages = Table(
    "passages",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    _ref("source_id", "sources"),
    _ref("page_id", "pages"),
    _count("ordinal"),
    _text("heading"),
    _text("anchor"),
    _text("text"),
    Column("hash", String(64), nullable=False),
    _json("sentences"),
    Column("embedding", LargeBinary, nullable=False),
    Column("sentence_embeddings", LargeBinary, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    Column("visitor_id", String(64), nullable=False, index=True),
    Column("token_hash", String(64), nullable=False),
    _text("page_url"),
    _at("created_at"),
)

turns = Table(
    "turns",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    _ref("conversation_id", "conversations"),
    Column("idempotency_key", String(128), nullable=True),
    _text("question"),
    Column("status", String(16), nullable=False),
    Column("label", String(16), nullable=False, default=""),
    _json("evidence"),
    Column("prompt_version", String(32), nullable=False, default=""),
    _json("messages"),
    _text("draft"),
    _text("reply"),
    _json("citations"),
    Column("adapter", String(64), nullable=True),
    _json("timings"),
    _at("created_at"),
    _at("finished_at", null=True),
    UniqueConstraint("conversation_id", "idempotency_key"),
)
Index("ix_turns_assistant_id_label", turns.c.assistant_id, turns.c.label)

feedback = Table(
    "feedback",
    metadata,
    _seq(),
    _ref("turn_id", "turns"),
    Column("value", String(8), nullable=True),
    _at("created_at"),
)

reviews = Table(
    "reviews",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    _ref("turn_id", "turns"),
    _text("reviewer"),
    Column("verdict", String(16), nullable=False),
    Column("fault", String(16), nullable=True),
    Column("reply", Text, nullable=True),
    _text("note"),
    _at("created_at"),
)

# The owner's own example replies (`parlance voice import`).
examples = Table(
    "examples",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    _text("question"),
    _text("answer"),
    Column("context", Text, nullable=True),
    Column("hash", String(64), nullable=False),
    _text("origin"),
    _at("created_at"),
    UniqueConstraint("assistant_id", "hash"),
)

runs = Table(
    "runs",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    Column("workflow_id", String(64), nullable=True),
    Column("status", String(16), nullable=False),
    Column("stage", String(32), nullable=False, default=""),
    _json("progress"),
    _json("config"),
    _json("metrics"),
    _text("error"),
    _text("requested_by"),
    _at("created_at"),
    _at("finished_at", null=True),
)

pairs = Table(
    "pairs",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    _ref("run_id", "runs"),
    Column("origin", String(16), nullable=False),
    Column("origin_id", String(64), nullable=False),
    Column("group_id", String(64), nullable=False),
    Column("split", String(16), nullable=False),
    _text("question"),
    _json("prompt"),
    _text("completion"),
    Column("hash", String(64), nullable=False),
)

adapters = Table(
    "adapters",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    _ref("run_id", "runs"),
    Column("digest", String(64), nullable=False),
    Column("base_sha256", String(64), nullable=False),
    Column("prompt_version", String(32), nullable=False),
    _text("path"),
    _json("manifest"),
    _json("report"),
    Column("passed", Boolean, nullable=False),
    _at("created_at"),
)

# Which adapter answers: the newest row of an assistant. Rolling back adds a row.
activations = Table(
    "activations",
    metadata,
    _seq(),
    _id(),
    _ref("assistant_id", "assistants"),
    _ref("adapter_id", "adapters", null=True),
    _text("reason"),
    _text("actor"),
    _at("created_at"),
)

# What the serving process says it serves, with the replies to the probe set as it gave them.
servings = Table(
    "servings",
    metadata,
    _seq(),
    _ref("assistant_id", "assistants"),
    _ref("activation_id", "activations", null=True),
    Column("digest", String(64), nullable=True),
    Column("ok", Boolean, nullable=False),
    _json("probes"),
    Column("milliseconds", Integer, nullable=False),
    _text("error"),
    _at("created_at"),
)

people = Table(
    "people",
    metadata,
    _seq(),
    _id(),
    Column("email", String(254), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    _text("password_hash"),
    # Rotating it signs the person out everywhere.
    Column("session_token", String(64), nullable=False),
    _at("created_at"),
)

invitations = Table(
    "invitations",
    metadata,
    _seq(),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    _at("expires_at"),
    _at("used_at", null=True),
)

audit = Table(
    "audit",
    metadata,
    _seq(),
    _text("actor"),
    Column("action", String(48), nullable=False),
    Column("subject", String(64), nullable=False),
    _json("detail"),
    _at("created_at"),
)
