"""The tables of learning: what was asked in which topic, what was cited, and the topics."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from server.store.columns import at_, id_, json_, metadata, ref_, seq_, text_

# A question as it was worded, once for all who asked it so. `embedding`: float16, (384,).
wordings = Table(
    "wordings",
    metadata,
    seq_(),
    ref_("assistant_id", "assistants"),
    Column("hash", String(64), nullable=False),
    text_("question"),
    Column("embedding", LargeBinary, nullable=False),
    UniqueConstraint("assistant_id", "hash"),
)

# A finished turn as learning counts it; `day` is the proleptic ordinal, `bad` says why its answer
# was none: wrong, disliked, refused, uncertain, or empty.
asked = Table(
    "asked",
    metadata,
    seq_(),
    Column("turn_id", String(64), nullable=False, unique=True),
    ref_("assistant_id", "assistants"),
    ref_("conversation_id", "conversations"),
    Column("visitor_id", String(64), nullable=False),
    Column("day", Integer, nullable=False),
    Column("wording", String(64), nullable=False),
    Column("bad", String(16), nullable=False),
    Column("topic_id", String(64), nullable=True),
    Column("gap_id", String(64), nullable=True),
)
# Counting reads these indexes only, already in the order of its groups.
_COUNTED = (asked.c.day, asked.c.visitor_id, asked.c.conversation_id, asked.c.bad)
Index("ix_asked_day", asked.c.assistant_id, asked.c.day, asked.c.bad)
Index("ix_asked_assistant_id_topic_id", asked.c.assistant_id, asked.c.topic_id, *_COUNTED)
Index("ix_asked_assistant_id_gap_id", asked.c.assistant_id, asked.c.gap_id, *_COUNTED)
Index("ix_asked_assistant_id_wording", asked.c.assistant_id, asked.c.wording)

# Which page a finished turn cited, once a page.
cited = Table(
    "cited",
    metadata,
    seq_(),
    ref_("assistant_id", "assistants"),
    Column("turn_id", String(64), nullable=False, index=True),
    Column("page_id", String(64), nullable=False, index=True),
    Column("source_id", String(64), nullable=False),
    Column("day", Integer, nullable=False),
)
Index("ix_cited_day", cited.c.assistant_id, cited.c.day, cited.c.source_id, cited.c.turn_id)

# What visitors ask about (`kind` topic) and what nobody could tell them (`kind` gap). `middle`:
# float32, (384,); `sections`: the nearest ones, which hold no answer; `closed`: an approved answer
# fits by now.
topics = Table(
    "topics",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    Column("kind", String(8), nullable=False),
    text_("name"),
    # Who gave it this name; empty: it is one of the questions.
    text_("named_by"),
    text_("question"),
    Column("middle", LargeBinary, nullable=False),
    json_("sections"),
    Column("closed", Boolean, nullable=False),
    at_("created_at"),
    at_("updated_at"),
)
