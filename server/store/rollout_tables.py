"""The tables of rollout: canaries, replays, plans, meters and blind choices."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Float, ForeignKey, Integer, String, Table

from server.store.columns import at_, count_, id_, json_, metadata, ref_, seq_, text_


def _own_(name: str, target: str) -> Column[Any]:
    """A reference of which each target has one row at most."""
    return Column(name, String(64), ForeignKey(f"{target}.id"), nullable=False, unique=True)


# A candidate that answers a share of the visitors beside what is active, until it is judged.
canaries = Table(
    "canaries",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("adapter_id", "adapters"),
    # What it is measured against; none: the base model, never promoted over.
    ref_("activation_id", "activations", null=True),
    Column("share", Float, nullable=False),
    count_("turns"),
    at_("ends_at"),
    Column("status", String(16), nullable=False),
    text_("reason"),
    json_("figures"),
    # What the serving process says about the candidate: {"ok", "milliseconds", "error", "at"}.
    json_("served"),
    text_("actor"),
    at_("created_at"),
    at_("finished_at", null=True),
)

# Logged questions answered once more by candidate and active voice; no visitor sees it.
replays = Table(
    "replays",
    metadata,
    seq_(),
    id_(),
    ref_("assistant_id", "assistants"),
    ref_("adapter_id", "adapters"),
    Column("status", String(16), nullable=False),
    count_("done"),
    count_("total"),
    json_("results"),
    text_("error"),
    text_("actor"),
    at_("created_at"),
    at_("finished_at", null=True),
)

# How an assistant is tuned by itself; `handled_at`: up to when its schedule was looked after.
plans = Table(
    "plans",
    metadata,
    seq_(),
    _own_("assistant_id", "assistants"),
    json_("chosen"),
    at_("handled_at"),
    text_("outcome"),
)

# What the tuning worker counted: is there enough to learn from. One row an assistant.
meters = Table(
    "meters",
    metadata,
    seq_(),
    _own_("assistant_id", "assistants"),
    Column("mark", String(64), nullable=False),
    json_("content"),
    at_("created_at"),
)

# Blind comparisons: which of two answers a person preferred, not knowing which was which.
blind_choices = Table(
    "blind_choices",
    metadata,
    seq_(),
    ref_("assistant_id", "assistants"),
    ref_("adapter_id", "adapters"),
    Column("sample", Integer, nullable=False),
    text_("person"),
    Column("choice", String(8), nullable=False),
    at_("created_at"),
)
