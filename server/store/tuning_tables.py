"""The tables of tuning: what is learnt from, runs and their datasets, adapters and who answers."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from server.store.columns import at_, count_, id_, json_, metadata, ref_, seq_, text_

# The owner's own example replies (`parlance voice import`).
examples = Table(
    "examples",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    text_("question"),
    text_("answer"),
    Column("context", Text, nullable=True),
    Column("hash", String(64), nullable=False),
    text_("origin"),
    at_("created_at"),
    UniqueConstraint("assistant_id", "hash"),
)

runs = Table(
    "runs",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    Column("workflow_id", String(64), nullable=True),
    Column("status", String(16), nullable=False),
    Column("stage", String(32), nullable=False, default=""),
    json_("progress"),
    json_("config"),
    json_("metrics"),
    text_("error"),
    text_("requested_by"),
    at_("created_at"),
    at_("finished_at", null=True),
)

# What a run learnt from, as a whole: the same pairs and preferences have the same hash and number.
datasets = Table(
    "datasets",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    Column("run_id", String(64), ForeignKey("runs.id"), nullable=False, unique=True),
    count_("number"),
    Column("hash", String(64), nullable=False),
    json_("counts"),
    text_("card"),
    at_("created_at"),
)

pairs = Table(
    "pairs",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("run_id", "runs"),
    Column("origin", String(16), nullable=False),
    Column("origin_id", String(64), nullable=False),
    Column("group_id", String(64), nullable=False),
    Column("split", String(16), nullable=False),
    text_("question"),
    json_("prompt"),
    text_("completion"),
    Column("hash", String(64), nullable=False),
    ref_("dataset_id", "datasets", null=True),
    Column("kind", String(16), nullable=False, server_default="reply"),
    # Where it comes from; the turn and the visitor are those of a reviewed conversation.
    ref_("turn_id", "turns", null=True),
    Column("reviewer", Text, nullable=False, server_default=""),
    Column("verdict", String(16), nullable=False, server_default=""),
    Column("visitor_id", String(64), nullable=False, server_default="", index=True),
    at_("asked_at", null=True),
    at_("judged_at", null=True),
    # Of the reply as the reviewer saw or wrote it, before anything was masked.
    Column("source_hash", String(64), nullable=False, server_default=""),
    Column("masked", JSON, nullable=False, server_default="{}"),
)

# What a run learnt from beside its pairs: a better reply beside a worse one, or one reply that a
# person found good or bad.
preferences = Table(
    "preferences",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("dataset_id", "datasets"),
    ref_("run_id", "runs"),
    Column("kind", String(16), nullable=False),
    Column("origin_id", String(64), nullable=False),
    ref_("turn_id", "turns"),
    text_("reviewer"),
    Column("visitor_id", String(64), nullable=False, index=True),
    Column("group_id", String(64), nullable=False),
    Column("split", String(16), nullable=False),
    text_("question"),
    json_("prompt"),
    text_("completion"),
    Column("rejected", Text, nullable=True),
    Column("label", Boolean, nullable=True),
    Column("hash", String(64), nullable=False),
)

# What a person keeps out of the next datasets; the newest row of a subject is in force.
# `subject_id`: the turn of a reviewed reply, or the example.
exclusions = Table(
    "exclusions",
    metadata,
    seq_(),
    ref_("assistant_id", "assistants"),
    Column("subject_id", String(64), nullable=False, index=True),
    Column("origin_id", String(64), nullable=False),
    Column("excluded", Boolean, nullable=False),
    text_("reason"),
    text_("actor"),
    at_("created_at"),
)

adapters = Table(
    "adapters",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("run_id", "runs"),
    Column("digest", String(64), nullable=False),
    Column("base_sha256", String(64), nullable=False),
    Column("prompt_version", String(32), nullable=False),
    text_("path"),
    json_("manifest"),
    json_("report"),
    Column("passed", Boolean, nullable=False),
    at_("created_at"),
)

# Which adapter answers: the newest row of an assistant. Rolling back adds a row.
activations = Table(
    "activations",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("adapter_id", "adapters", null=True),
    text_("reason"),
    text_("actor"),
    # In words, where a rule decided instead of a person.
    Column("why", Text, nullable=False, server_default="", default=""),
    at_("created_at"),
)

# What the serving process says it serves, with the replies to the probe set as it gave them.
servings = Table(
    "servings",
    metadata,
    seq_(),
    ref_("assistant_id", "assistants"),
    ref_("activation_id", "activations", null=True),
    Column("digest", String(64), nullable=True),
    Column("ok", Boolean, nullable=False),
    json_("probes"),
    Column("milliseconds", Integer, nullable=False),
    text_("error"),
    at_("created_at"),
)
