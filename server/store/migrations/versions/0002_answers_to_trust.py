"""Answers to trust: curated answers, the question list, the fitted gate, a turn's signals"""

import sqlalchemy as sa
from alembic import op

from server.store.tables import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "check_runs",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("manner", sa.String(length=64), nullable=False),
        sa.Column("prompt_version", sa.String(length=32), nullable=False),
        sa.Column("adapter", sa.String(length=64), nullable=True),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("finished_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["assistants.id"], name=op.f("fk_check_runs_assistant_id_assistants")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_check_runs")),
        sa.UniqueConstraint("id", name=op.f("uq_check_runs_id")),
    )
    with op.batch_alter_table("check_runs", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_check_runs_assistant_id"), ["assistant_id"], unique=False
        )

    op.create_table(
        "gates",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("fitted", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["assistants.id"], name=op.f("fk_gates_assistant_id_assistants")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_gates")),
        sa.UniqueConstraint("id", name=op.f("uq_gates_id")),
    )
    with op.batch_alter_table("gates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gates_assistant_id"), ["assistant_id"], unique=False)

    op.create_table(
        "checks",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("expect", sa.JSON(), nullable=True),
        sa.Column("turn_id", sa.String(length=64), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["assistants.id"], name=op.f("fk_checks_assistant_id_assistants")
        ),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_checks_turn_id_turns")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_checks")),
        sa.UniqueConstraint("id", name=op.f("uq_checks_id")),
    )
    with op.batch_alter_table("checks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_checks_assistant_id"), ["assistant_id"], unique=False)

    op.create_table(
        "curated",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("variants", sa.JSON(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("embeddings", sa.LargeBinary(), nullable=False),
        sa.Column("turn_id", sa.String(length=64), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("updated_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["assistants.id"], name=op.f("fk_curated_assistant_id_assistants")
        ),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_curated_turn_id_turns")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_curated")),
        sa.UniqueConstraint("id", name=op.f("uq_curated_id")),
    )
    with op.batch_alter_table("curated", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_curated_assistant_id"), ["assistant_id"], unique=False)

    op.create_table(
        "curated_hits",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("curated_id", sa.String(length=64), nullable=False),
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["curated_id"], ["curated.id"], name=op.f("fk_curated_hits_curated_id_curated")
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["turns.id"], name=op.f("fk_curated_hits_turn_id_turns")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_curated_hits")),
    )
    with op.batch_alter_table("curated_hits", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_curated_hits_curated_id"), ["curated_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_curated_hits_turn_id"), ["turn_id"], unique=False)

    with op.batch_alter_table("turns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("signals", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("turns", schema=None) as batch_op:
        batch_op.drop_column("signals")

    with op.batch_alter_table("curated_hits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_curated_hits_turn_id"))
        batch_op.drop_index(batch_op.f("ix_curated_hits_curated_id"))

    op.drop_table("curated_hits")
    with op.batch_alter_table("curated", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_curated_assistant_id"))

    op.drop_table("curated")
    with op.batch_alter_table("checks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_checks_assistant_id"))

    op.drop_table("checks")
    with op.batch_alter_table("gates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gates_assistant_id"))

    op.drop_table("gates")
    with op.batch_alter_table("check_runs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_check_runs_assistant_id"))

    op.drop_table("check_runs")
