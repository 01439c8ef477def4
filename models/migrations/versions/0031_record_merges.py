"""Which records were merged into which; rows of an absorbed record alone may change hands in append-only tables."""

import sqlalchemy as sa
from alembic import op

from models.row_security import secure_tables
from models.triggers import IS_ERASED, NO_CHANGE, RESEALED, create_partial_guard, create_triggers, drop_guard

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# What was the one change of these tables' rows before.
GUARDED = {"former_version": RESEALED, "alert_entry": NO_CHANGE, "letter": NO_CHANGE}

REFERENCES = (("patient", "patient_id"), ("patient", "absorbed_id"), ("staff", "merged_by"))


def upgrade() -> None:
    op.create_table(
        "record_merge",
        _id("patient_id"),
        _id("absorbed_id"),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        _id("merged_by", nullable=True),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("former_sealed", sa.LargeBinary(), nullable=False),
        _id("practice_id"),
        _id("id"),
        *(
            _reference(*each)
            for each in (("patient", "patient_id"), ("patient", "absorbed_id"), ("staff", "merged_by"))
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_record_merge_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_record_merge")),
        sa.UniqueConstraint("practice_id", "absorbed_id", name=op.f("uq_record_merge_practice_id_absorbed_id")),
    )
    op.create_index(op.f("ix_record_merge_practice_id_patient_id"), "record_merge", ["practice_id", "patient_id"])
    for table in GUARDED:
        drop_guard(op.get_bind(), table)
        create_triggers(op.get_bind(), table)
    secure_tables(op.get_bind())


def downgrade() -> None:
    for table, changes in GUARDED.items():
        drop_guard(op.get_bind(), table)
        create_partial_guard(op.get_bind(), table, IS_ERASED, changes)
    op.drop_table("record_merge")


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=64), nullable=nullable)


def _reference(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", column],
        [f"{table}.practice_id", f"{table}.id"],
        name=op.f(f"fk_record_merge_practice_id_{column}"),
        initially="DEFERRED",
        deferrable=True,
    )
