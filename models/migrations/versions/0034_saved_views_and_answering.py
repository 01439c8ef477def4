"""Views of the worklist that staff keep, and how soon a clinic wants its alerts in hand."""

import sqlalchemy as sa
from alembic import op

from models.row_security import secure_tables

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("made_at", UTC, nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        *_keys("saved_view", "staff_id"),
    )
    op.create_index(op.f("ix_saved_view_practice_id_staff_id"), "saved_view", ["practice_id", "staff_id"])
    op.create_index(
        "uq_saved_view_default",
        "saved_view",
        ["practice_id", "staff_id"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )
    _alert_answering()
    secure_tables(op.get_bind())


def downgrade() -> None:
    op.drop_table("alert_answering")
    op.drop_table("saved_view")


def _alert_answering() -> None:
    op.create_table(
        "alert_answering",
        sa.Column("acknowledge_minutes", sa.Integer(), nullable=False),
        sa.Column("escalate_minutes", sa.Integer(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("set_at", UTC, nullable=False),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        *(
            sa.CheckConstraint(f"{column} BETWEEN 1 AND 1440", name=op.f(f"ck_alert_answering_{column}_range"))
            for column in ("acknowledge_minutes", "escalate_minutes")
        ),
        *_keys("alert_answering", "set_by"),
    )


def _keys(table: str, person: str) -> tuple[sa.Constraint, ...]:
    """Return the key of a tenant's table, and its references to the practice and to a member of staff."""
    return (
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f(f"fk_{table}_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", person],
            ["staff.practice_id", "staff.id"],
            name=op.f(f"fk_{table}_practice_id_{person}"),
            initially="DEFERRED",
            deferrable=True,
        ),
    )
