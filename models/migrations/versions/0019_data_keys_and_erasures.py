"""Keys of patients and practices, and which patients were erased: of these alone the append-only tables let rows go."""

import sqlalchemy as sa
from alembic import op

from models.triggers import (
    IS_ERASED,
    OF_REMINDER_ERASED,
    RESEALED,
    create_full_guard,
    create_partial_guard,
    drop_guard,
)

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
GUARDED = ("former_version", "decision")


def upgrade() -> None:
    op.create_table(
        "data_key",
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_by", sa.String(length=16), nullable=False),
        _to_practice("data_key"),
        _to_patient("data_key"),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_data_key")),
    )
    for name, columns, where in (
        ("ix_data_key_patient", ["practice_id", "patient_id"], "patient_id IS NOT NULL"),
        ("ix_data_key_practice", ["practice_id"], "patient_id IS NULL"),
    ):
        condition = sa.text(where)
        op.create_index(name, "data_key", columns, unique=True, sqlite_where=condition, postgresql_where=condition)
    op.create_table(
        "erasure",
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("erased_at", UTC, nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        _to_practice("erasure"),
        _to_patient("erasure"),
        sa.CheckConstraint(
            "reason IN ('asked_by_patient', 'entered_by_mistake', 'retention_over', 'restored_backup')",
            name=op.f("ck_erasure_erasurereason"),
        ),
        sa.PrimaryKeyConstraint("practice_id", "patient_id", name=op.f("pk_erasure")),
    )
    op.execute(
        "ALTER TABLE practice ADD COLUMN records_kept_years INTEGER "
        "CONSTRAINT ck_practice_records_kept_years_range CHECK (records_kept_years BETWEEN 0 AND 100)"
    )
    for table in GUARDED:
        drop_guard(op.get_bind(), table)
        if table == "decision":  # which is not about alerts yet
            create_partial_guard(op.get_bind(), table, OF_REMINDER_ERASED)
        else:
            create_partial_guard(op.get_bind(), table, IS_ERASED, RESEALED)


def downgrade() -> None:
    for table in GUARDED:
        drop_guard(op.get_bind(), table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION guard_{table}()")
        create_full_guard(op.get_bind(), table)
    op.execute("ALTER TABLE practice DROP COLUMN records_kept_years")
    op.drop_table("erasure")
    op.drop_table("data_key")


def _to_practice(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id"],
        ["practice.id"],
        name=op.f(f"fk_{table}_practice_id"),
        initially="DEFERRED",
        deferrable=True,
    )


def _to_patient(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", "patient_id"],
        ["patient.practice_id", "patient.id"],
        name=op.f(f"fk_{table}_practice_id_patient_id"),
        initially="DEFERRED",
        deferrable=True,
    )
