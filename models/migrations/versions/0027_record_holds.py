"""Holds on records, and what the nightly audit says of what is kept past its term."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words
from models.row_security import secure_tables

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
REASONS = ("legal_claim", "authority_request", "complaint", "minor", "research", "other")
PROVED = (
    "nothing_sent_after_its_end",
    "nothing_sent_at_a_wrong_time",
    "nothing_sent_twice",
    "nothing_due_left_unsent",
    "every_plan_equals_its_rebuild",
    "every_open_delivery_has_its_reminder",
    "audit_trail_is_unbroken",
)
KEPT = "nothing_kept_past_its_term"


def upgrade() -> None:
    change_words("self_audit", "invariant", ("invariant", PROVED), ("invariant", (*PROVED, KEPT)))
    op.create_table(
        "record_hold",
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(*REASONS, name="holdreason", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("placed_at", UTC, nullable=False),
        sa.Column("placed_by", sa.String(length=64), nullable=True),
        sa.Column("ended_at", UTC, nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("ended_at IS NOT NULL OR ended_by IS NULL", name=op.f("ck_record_hold_ended_whole")),
        *(_reference(*each) for each in (("patient", "patient_id"), ("staff", "placed_by"), ("staff", "ended_by"))),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_record_hold_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_record_hold")),
    )
    op.create_index(op.f("ix_record_hold_practice_id_patient_id"), "record_hold", ["practice_id", "patient_id"])
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_record_hold_open",
        "record_hold",
        ["practice_id", "patient_id", "reason"],
        unique=True,
        postgresql_where=is_open,
        sqlite_where=is_open,
    )
    secure_tables(op.get_bind())


def downgrade() -> None:
    op.drop_table("record_hold")
    op.execute("DELETE FROM self_audit WHERE invariant = 'nothing_kept_past_its_term'")
    change_words("self_audit", "invariant", ("invariant", (*PROVED, KEPT)), ("invariant", PROVED))


def _reference(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", column],
        [f"{table}.practice_id", f"{table}.id"],
        name=op.f(f"fk_record_hold_practice_id_{column}"),
        initially="DEFERRED",
        deferrable=True,
    )
