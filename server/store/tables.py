"""The tables of serving: content, conversations, verdicts, checks, people. Queries live in the
module of each owner; `tuning_tables` and `rollout_tables` hold the others."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# Migrations name these two from here.
from server.store.columns import Moment as Moment
from server.store.columns import at_, count_, id_, json_, ref_, seq_, text_
from server.store.columns import metadata as metadata

assistants = Table(
    "assistants",
    metadata,
    seq_(),
    id_(),
    Column("key", String(64), nullable=False, unique=True),
    text_("name"),
    json_("settings"),
    at_("created_at"),
)

sources = Table(
    "sources",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    Column("kind", String(16), nullable=False),
    text_("location"),
    json_("options"),
    Column("status", String(16), nullable=False),
    text_("error"),
    Column("workflow_id", String(64), nullable=True),
    json_("counts"),
    at_("created_at"),
    at_("updated_at"),
    UniqueConstraint("assistant_id", "location"),
)

# The pages a crawl knows of: its frontier and its memory. A killed crawl goes on from here.
visits = Table(
    "visits",
    metadata,
    seq_(),
    ref_("source_id", "sources"),
    Column("round", Integer, nullable=False),
    text_("url"),
    count_("depth"),
    Column("status", String(16), nullable=False),
    text_("reason"),
    UniqueConstraint("source_id", "round", "url"),
)

pages = Table(
    "pages",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("source_id", "sources"),
    text_("url"),
    text_("title"),
    Column("hash", String(64), nullable=False),
    count_("version"),
    count_("round"),
    at_("fetched_at"),
    UniqueConstraint("source_id", "url"),
)

passages = Table(
    "passages",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("source_id", "sources"),
    ref_("page_id", "pages"),
    count_("ordinal"),
    text_("heading"),
    text_("anchor"),
    text_("text"),
    Column("hash", String(64), nullable=False),
    json_("sentences"),
    Column("embedding", LargeBinary, nullable=False),
    Column("sentence_embeddings", LargeBinary, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    Column("visitor_id", String(64), nullable=False, index=True),
    Column("token_hash", String(64), nullable=False),
    text_("page_url"),
    at_("created_at"),
)

turns = Table(
    "turns",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("conversation_id", "conversations"),
    Column("idempotency_key", String(128), nullable=True),
    text_("question"),
    Column("status", String(16), nullable=False),
    Column("label", String(16), nullable=False, default=""),
    json_("evidence"),
    Column("prompt_version", String(32), nullable=False, default=""),
    json_("messages"),
    text_("draft"),
    text_("reply"),
    json_("citations"),
    Column("adapter", String(64), nullable=True),
    json_("timings"),
    # What the gate saw, how it decided, and how many unknown citation marks were dropped.
    Column("signals", JSON, nullable=False, server_default="{}"),
    at_("created_at"),
    at_("finished_at", null=True),
    UniqueConstraint("conversation_id", "idempotency_key"),
)
Index("ix_turns_assistant_id_label", turns.c.assistant_id, turns.c.label)

feedback = Table(
    "feedback",
    metadata,
    seq_(),
    ref_("turn_id", "turns"),
    Column("value", String(8), nullable=True),
    at_("created_at"),
)

reviews = Table(
    "reviews",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("turn_id", "turns"),
    text_("reviewer"),
    Column("verdict", String(16), nullable=False),
    Column("fault", String(16), nullable=True),
    Column("reply", Text, nullable=True),
    text_("note"),
    at_("created_at"),
)

# Answers that a person wrote or approved: given before the model is asked. `embeddings`: unit
# vectors of the question and its variants, float32, (1 + variants, 384).
curated = Table(
    "curated",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    text_("question"),
    json_("variants"),
    text_("answer"),
    text_("url"),
    Column("status", String(16), nullable=False),
    Column("embeddings", LargeBinary, nullable=False),
    # The turn it was made from, if any.
    Column("turn_id", String(64), ForeignKey("turns.id"), nullable=True),
    text_("author"),
    at_("created_at"),
    at_("updated_at"),
)

# Each time a curated answer was given: to which turn, and how well it matched.
curated_hits = Table(
    "curated_hits",
    metadata,
    seq_(),
    ref_("curated_id", "curated"),
    ref_("turn_id", "turns"),
    Column("score", Float, nullable=False),
    at_("created_at"),
)

# The owner's question list: what must be answered, from where, or refused (`expect` null).
checks = Table(
    "checks",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    text_("question"),
    # SQL's NULL, not JSON's: either reads as None, but only one is found by IS NULL.
    Column("expect", JSON(none_as_null=True), nullable=True),
    Column("turn_id", String(64), ForeignKey("turns.id"), nullable=True),
    text_("author"),
    at_("created_at"),
)

# One run over the question list, with what answered then: the fingerprints tell what changed since.
check_runs = Table(
    "check_runs",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    Column("status", String(16), nullable=False),
    count_("passed"),
    count_("total"),
    Column("content", String(64), nullable=False),
    Column("manner", String(64), nullable=False),
    Column("prompt_version", String(32), nullable=False),
    Column("adapter", String(64), nullable=True),
    json_("results"),
    text_("requested_by"),
    at_("created_at"),
    at_("finished_at", null=True),
)

# The refusal gate as fitted to an assistant's content; the newest row is in force.
gates = Table(
    "gates",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    Column("content", String(64), nullable=False),
    json_("fitted"),
    json_("report"),
    at_("created_at"),
)

people = Table(
    "people",
    metadata,
    seq_(),
    id_(),
    Column("email", String(254), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    text_("password_hash"),
    # Rotating it signs the person out everywhere.
    Column("session_token", String(64), nullable=False),
    at_("created_at"),
)

invitations = Table(
    "invitations",
    metadata,
    seq_(),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    at_("expires_at"),
    at_("used_at", null=True),
)

audit = Table(
    "audit",
    metadata,
    seq_(),
    text_("actor"),
    Column("action", String(48), nullable=False),
    Column("subject", String(64), nullable=False),
    json_("detail"),
    at_("created_at"),
)
