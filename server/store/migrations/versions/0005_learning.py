"""Learning: wordings, what was asked and cited, topics and gaps"""

import sqlalchemy as sa
from alembic import op

from server.store.tables import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("wordings", "asked", "cited", "topics")


def upgrade() -> None:
    op.create_table(
        "wordings",
        _seq(),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        _ref("wordings", "assistant_id", "assistants"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_wordings")),
        sa.UniqueConstraint("assistant_id", "hash", name=op.f("uq_wordings_assistant_id_hash")),
    )
    _index("wordings", "assistant_id")

    op.create_table(
        "asked",
        _seq(),
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("visitor_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("wording", sa.String(length=64), nullable=False),
        sa.Column("bad", sa.String(length=16), nullable=False),
        sa.Column("topic_id", sa.String(length=64), nullable=True),
        sa.Column("gap_id", sa.String(length=64), nullable=True),
        _ref("asked", "assistant_id", "assistants"),
        _ref("asked", "conversation_id", "conversations"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_asked")),
        sa.UniqueConstraint("turn_id", name=op.f("uq_asked_turn_id")),
    )
    _index("asked", "assistant_id", "conversation_id")
    op.create_index("ix_asked_day", "asked", ["assistant_id", "day", "bad"])
    counted = ["day", "visitor_id", "conversation_id", "bad"]
    for place in ("topic_id", "gap_id"):
        columns = ["assistant_id", place, *counted]
        op.create_index(f"ix_asked_assistant_id_{place}", "asked", columns)
    op.create_index("ix_asked_assistant_id_wording", "asked", ["assistant_id", "wording"])

    op.create_table(
        "cited",
        _seq(),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("page_id", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        _ref("cited", "assistant_id", "assistants"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_cited")),
    )
    _index("cited", "assistant_id", "turn_id", "page_id")
    columns = ["assistant_id", "day", "source_id", "turn_id"]
    op.create_index("ix_cited_day", "cited", columns)

    op.create_table(
        "topics",
        _seq(),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("assistant_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("named_by", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("middle", sa.LargeBinary(), nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("updated_at", Moment(timezone=True), nullable=False),
        _ref("topics", "assistant_id", "assistants"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_topics")),
        sa.UniqueConstraint("id", name=op.f("uq_topics_id")),
    )
    _index("topics", "assistant_id")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _seq() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("seq", kind, autoincrement=True, nullable=False)


def _ref(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
