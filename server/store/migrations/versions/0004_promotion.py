"""Promotion: canaries, replays, plans, meters and blind choices; why an activation was made"""

import sqlalchemy as sa
from alembic import op

from server.store.tables import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("canaries", "replays", "plans", "meters", "blind_choices")


def upgrade() -> None:
    with op.batch_alter_table("activations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("why", sa.Text(), server_default="", nullable=False))

    op.create_table(
        "canaries",
        _seq(),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("adapter_id", sa.String(length=64), nullable=False),
        sa.Column("activation_id", sa.String(length=64), nullable=True),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("ends_at", Moment(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("served", sa.JSON(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("finished_at", Moment(timezone=True), nullable=True),
        _ref("canaries", "assistant_id", "assistants"),
        _ref("canaries", "adapter_id", "adapters"),
        _ref("canaries", "activation_id", "activations"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_canaries")),
        sa.UniqueConstraint("id", name=op.f("uq_canaries_id")),
    )
    _index("canaries", "assistant_id", "adapter_id", "activation_id")

    op.create_table(
        "replays",
        _seq(),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("adapter_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("finished_at", Moment(timezone=True), nullable=True),
        _ref("replays", "assistant_id", "assistants"),
        _ref("replays", "adapter_id", "adapters"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_replays")),
        sa.UniqueConstraint("id", name=op.f("uq_replays_id")),
    )
    _index("replays", "assistant_id", "adapter_id")

    op.create_table(
        "plans",
        _seq(),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("chosen", sa.JSON(), nullable=False),
        sa.Column("handled_at", Moment(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        _ref("plans", "assistant_id", "assistants"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_plans")),
        sa.UniqueConstraint("assistant_id", name=op.f("uq_plans_assistant_id")),
    )

    op.create_table(
        "meters",
        _seq(),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        _ref("meters", "assistant_id", "assistants"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_meters")),
        sa.UniqueConstraint("assistant_id", name=op.f("uq_meters_assistant_id")),
    )

    op.create_table(
        "blind_choices",
        _seq(),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("adapter_id", sa.String(length=64), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("choice", sa.String(length=8), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        _ref("blind_choices", "assistant_id", "assistants"),
        _ref("blind_choices", "adapter_id", "adapters"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_blind_choices")),
    )
    _index("blind_choices", "assistant_id", "adapter_id")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    with op.batch_alter_table("activations", schema=None) as batch_op:
        batch_op.drop_column("why")


def _seq() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("seq", kind, autoincrement=True, nullable=False)


def _ref(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)


def _index(table: str, *columns: str) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        for column in columns:
            batch_op.create_index(batch_op.f(f"ix_{table}_{column}"), [column], unique=False)
