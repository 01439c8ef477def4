"""Passkeys of staff, clinics' own providers of sign-ins, and the challenges that either has answered."""

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


def _of_staff(table: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", "staff_id"],
        ["staff.practice_id", "staff.id"],
        name=op.f(f"fk_{table}_practice_id_staff_id"),
        initially="DEFERRED",
        deferrable=True,
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
            _of_staff("passkey"),
            sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
            sa.CheckConstraint("sign_count >= 0", name=op.f("ck_passkey_sign_count_from_0")),
        ),
    )
    op.create_index("ix_passkey_practice_id_staff_id", "passkey", ["practice_id", "staff_id"])
    op.create_table("used_challenge", sa.Column("expires_at", UTC, nullable=False), *_tenant("used_challenge"))
    op.create_index("ix_used_challenge_practice_id_expires_at", "used_challenge", ["practice_id", "expires_at"])
    op.create_table(
        "sign_in_provider",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret_sealed", sa.LargeBinary(), nullable=False),
        *_tenant("sign_in_provider"),
    )
    op.create_table(
        "staff_identity",
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("linked_at", UTC, nullable=False),
        *_tenant(
            "staff_identity",
            _of_staff("staff_identity"),
            sa.UniqueConstraint(
                "practice_id", "issuer", "subject", name=op.f("uq_staff_identity_practice_id_issuer_subject")
            ),
            sa.UniqueConstraint(
                "practice_id", "staff_id", "issuer", name=op.f("uq_staff_identity_practice_id_staff_id_issuer")
            ),
        ),
    )
    secure_tables(op.get_bind())


def downgrade() -> None:
    op.drop_table("staff_identity")
    op.drop_table("sign_in_provider")
    op.drop_table("used_challenge")
    op.drop_table("passkey")
