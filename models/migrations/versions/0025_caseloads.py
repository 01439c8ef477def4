"""Staff who see their own caseload alone, if the practice wants it: patients given to colleagues, and break-glass."""

import sqlalchemy as sa
from alembic import op

from models.row_security import secure_tables

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
REASONS = ("emergency", "covering", "patient_asks", "other")
OPENED = {"patient_id": "patient", "staff_id": "staff", "reviewed_by": "staff"}
PEOPLE = {"patient_id": "patient", "staff_id": "staff", "assigned_by": "staff"}


def upgrade() -> None:
    op.execute("ALTER TABLE practice ADD COLUMN own_caseload_only BOOLEAN DEFAULT false NOT NULL")
    op.create_table(
        "care_assignment",
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("assigned_at", UTC, nullable=False),
        sa.Column("assigned_by", sa.String(length=64), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        _practice("care_assignment"),
        *(_person("care_assignment", column, table) for column, table in PEOPLE.items()),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_care_assignment")),
        sa.UniqueConstraint(
            "practice_id", "patient_id", "staff_id", name=op.f("uq_care_assignment_practice_id_patient_id_staff_id")
        ),
    )
    op.create_index(op.f("ix_care_assignment_practice_id_staff_id"), "care_assignment", ["practice_id", "staff_id"])
    _emergency_access()
    secure_tables(op.get_bind())


def downgrade() -> None:
    op.drop_table("emergency_access")
    op.drop_table("care_assignment")
    op.execute("ALTER TABLE practice DROP COLUMN own_caseload_only")


def _emergency_access() -> None:
    reason = sa.Enum(*REASONS, name="emergencyreason", native_enum=False, create_constraint=True, length=40)
    op.create_table(
        "emergency_access",
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("reason", reason, nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at", UTC, nullable=False),
        sa.Column("expires_at", UTC, nullable=False),
        sa.Column("reviewed_at", UTC, nullable=True),
        sa.Column("reviewed_by", sa.String(length=64), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        _practice("emergency_access"),
        *(_person("emergency_access", column, table) for column, table in OPENED.items()),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_emergency_access")),
        sa.CheckConstraint("expires_at > opened_at", name=op.f("ck_emergency_access_ends_after_it_begins")),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL)", name=op.f("ck_emergency_access_reviewed_by_somebody")
        ),
    )
    for columns in (["practice_id", "staff_id", "expires_at"], ["practice_id", "patient_id"]):
        op.create_index(op.f(f"ix_emergency_access_{'_'.join(columns)}"), "emergency_access", columns)


def _practice(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_practice_id")
    return sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name=name, initially="DEFERRED", deferrable=True)


def _person(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", column],
        [f"{other}.practice_id", f"{other}.id"],
        name=op.f(f"fk_{table}_practice_id_{column}"),
        initially="DEFERRED",
        deferrable=True,
    )
