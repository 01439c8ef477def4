"""Room for the replies to requests that bore an Idempotency-Key."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_reply",
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reply_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_kept_reply_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_kept_reply")),
    )
    op.create_index(op.f("ix_kept_reply_practice_id_made_at"), "kept_reply", ["practice_id", "made_at"])


def downgrade() -> None:
    op.drop_table("kept_reply")
