"""When drifted devices were healed, and refused rows in the order of their coming."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEX = "ix_refused_row_practice_id_refused_at_id"
KEY = ("practice_id", "actor_id", "collection")


def upgrade() -> None:
    op.create_table(
        "sync_heal",
        *(sa.Column(name, sa.String(length=40 if name == "collection" else 64), nullable=False) for name in KEY),
        sa.Column("healed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heals", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_sync_heal_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_sync_heal")),
    )
    op.create_index(op.f(INDEX), "refused_row", ["practice_id", "refused_at", "id"])


def downgrade() -> None:
    op.drop_index(op.f(INDEX), "refused_row")
    op.drop_table("sync_heal")
