"""Passkeys of staff, and the challenges that they have answered."""

import sqlalchemy as sa
from alembic import op

from models.row_security import secure_tables

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)


def _tenant(table: str, *more: sa.Constraint) -> tuple[sa.Column[str] | sa.Constraint, ...]:
    return (
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f(f"fk_{table}_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        *more,
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    op.create_table(
        "passkey",
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("made_at", UTC, nullable=False),
        sa.Column("last_used_at", UTC, nullable=True),
        sa.Column("stopped_at", UTC, nullable=True),
        *_tenant(
            "passkey",
            sa.ForeignKeyConstraint(
                ["practice_id", "staff_id"],
                ["staff.practice_id", "staff.id"],
                name=op.f("fk_passkey_practice_id_staff_id"),
                initially="DEFERRED",
                deferrable=True,
            ),
            sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
            sa.CheckConstraint("sign_count >= 0", name=op.f("ck_passkey_sign_count_from_0")),
        ),
    )
    op.create_index("ix_passkey_practice_id_staff_id", "passkey", ["practice_id", "staff_id"])
    op.create_table("used_challenge", sa.Column("expires_at", UTC, nullable=False), *_tenant("used_challenge"))
    op.create_index("ix_used_challenge_practice_id_expires_at", "used_challenge", ["practice_id", "expires_at"])
    secure_tables(op.get_bind())


def downgrade() -> None:
    op.drop_table("used_challenge")
    op.drop_table("passkey")
