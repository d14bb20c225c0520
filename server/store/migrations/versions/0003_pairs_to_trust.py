"""Pairs to trust: datasets, lineage of pairs, preferences, what a person keeps out"""

import sqlalchemy as sa
from alembic import op

from server.store.tables import Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LINEAGE = (
    "masked",
    "source_hash",
    "judged_at",
    "asked_at",
    "visitor_id",
    "verdict",
    "reviewer",
    "turn_id",
    "kind",
    "dataset_id",
)


def _seq() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("seq", kind, autoincrement=True, nullable=False)


def _index(table: str, *columns: str) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        for column in columns:
            batch_op.create_index(batch_op.f(f"ix_{table}_{column}"), [column], unique=False)


def upgrade() -> None:
    op.create_table(
        "datasets",
        _seq(),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["assistants.id"], name=op.f("fk_datasets_assistant_id_assistants")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_datasets_run_id_runs")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_datasets")),
        sa.UniqueConstraint("id", name=op.f("uq_datasets_id")),
        sa.UniqueConstraint("run_id", name=op.f("uq_datasets_run_id")),
    )
    _index("datasets", "assistant_id")

    op.create_table(
        "exclusions",
        _seq(),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("origin_id", sa.String(length=64), nullable=False),
        sa.Column("excluded", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["assistants.id"], name=op.f("fk_exclusions_assistant_id_assistants")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_exclusions")),
    )
    _index("exclusions", "assistant_id", "subject_id")

    op.create_table(
        "preferences",
        _seq(),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("dataset_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("origin_id", sa.String(length=64), nullable=False),
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("visitor_id", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("prompt", sa.JSON(), nullable=False),
        sa.Column("completion", sa.Text(), nullable=False),
        sa.Column("rejected", sa.Text(), nullable=True),
        sa.Column("label", sa.Boolean(), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["assistants.id"], name=op.f("fk_preferences_assistant_id_assistants")
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_preferences_dataset_id_datasets")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_preferences_run_id_runs")),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["turns.id"], name=op.f("fk_preferences_turn_id_turns")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_preferences")),
        sa.UniqueConstraint("id", name=op.f("uq_preferences_id")),
    )
    _index("preferences", "assistant_id", "dataset_id", "run_id", "turn_id", "visitor_id")

    with op.batch_alter_table("pairs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("dataset_id", sa.String(length=64), nullable=True))
        batch_op.add_column(
            sa.Column("kind", sa.String(length=16), server_default="reply", nullable=False)
        )
        batch_op.add_column(sa.Column("turn_id", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("reviewer", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("verdict", sa.String(length=16), server_default="", nullable=False)
        )
        batch_op.add_column(
            sa.Column("visitor_id", sa.String(length=64), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("asked_at", Moment(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("judged_at", Moment(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("source_hash", sa.String(length=64), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("masked", sa.JSON(), server_default="{}", nullable=False))
        batch_op.create_foreign_key(
            batch_op.f("fk_pairs_dataset_id_datasets"), "datasets", ["dataset_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_pairs_turn_id_turns"), "turns", ["turn_id"], ["id"]
        )
    _index("pairs", "dataset_id", "turn_id", "visitor_id")


def downgrade() -> None:
    with op.batch_alter_table("pairs", schema=None) as batch_op:
        for column in ("visitor_id", "turn_id", "dataset_id"):
            batch_op.drop_index(batch_op.f(f"ix_pairs_{column}"))
        batch_op.drop_constraint(batch_op.f("fk_pairs_turn_id_turns"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_pairs_dataset_id_datasets"), type_="foreignkey")
        for column in _LINEAGE:
            batch_op.drop_column(column)
    for table in ("preferences", "exclusions", "datasets"):
        op.drop_table(table)
