"""Where a patient's devices take push messages."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
PROVIDERS = ("fcm", "apns", "expo", "web_push")


def upgrade() -> None:
    op.create_table(
        "push_address",
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column(
            "provider",
            sa.Enum(*PROVIDERS, name="provider", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("address_lookup", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", UTC, nullable=False),
        sa.Column("disabled_at", UTC, nullable=True),
        sa.Column("disabled_code", sa.String(length=64), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        *(_reference(table) for table in ("patient", "device")),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_push_address_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_push_address")),
        *(
            sa.UniqueConstraint("practice_id", column, name=op.f(f"uq_push_address_practice_id_{column}"))
            for column in ("device_id", "address_lookup")
        ),
    )
    op.create_index(op.f("ix_push_address_practice_id_patient_id"), "push_address", ["practice_id", "patient_id"])


def downgrade() -> None:
    op.drop_table("push_address")


def _reference(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", f"{table}_id"],
        [f"{table}.practice_id", f"{table}.id"],
        name=op.f(f"fk_push_address_practice_id_{table}_id"),
        initially="DEFERRED",
        deferrable=True,
    )
