"""Staff sign in: passwords, authenticators, one-time codes, tries that went wrong, sessions."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
KNOWN = ("staff", "device_access", "device_refresh")
SAID = (*KNOWN, "staff_session", "sign_in_challenge")
WHOLE = "kind <> 'staff_session' OR (last_seen_at IS NOT NULL AND reauthenticated_at IS NOT NULL)"
# The check stands with the last column: it may name only columns that are there, and SQLite adds none to a table.
ADDED = (
    "last_seen_at {instant}",
    "reauthenticated_at {instant}",
    f"label VARCHAR(40) CONSTRAINT ck_token_session_is_whole CHECK ({WHOLE})",
)


def _tenant(table: str, *staff: str) -> tuple[sa.Column[str] | sa.Constraint, ...]:
    """Return what every tenant table has, with its references to staff."""
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
        *(
            sa.ForeignKeyConstraint(
                ["practice_id", column],
                ["staff.practice_id", "staff.id"],
                name=op.f(f"fk_{table}_practice_id_{column}"),
                initially="DEFERRED",
                deferrable=True,
            )
            for column in staff
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    op.create_table(
        "staff_credential",
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", UTC, nullable=True),
        sa.Column("totp_secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("pending_secret_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(totp_secret_sealed IS NULL) = (totp_step IS NULL)", name=op.f("ck_staff_credential_totp_whole")
        ),
        sa.CheckConstraint(
            "(password_hash IS NULL) = (password_changed_at IS NULL)", name=op.f("ck_staff_credential_password_whole")
        ),
        *_tenant("staff_credential", "id"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UTC, nullable=False),
        sa.Column("used_at", UTC, nullable=True),
        sa.UniqueConstraint(
            "practice_id", "staff_id", "code_hash", name=op.f("uq_recovery_code_practice_id_staff_id_code_hash")
        ),
        *_tenant("recovery_code", "staff_id"),
    )
    op.create_table(
        "sign_in_code",
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("made_at", UTC, nullable=False),
        sa.Column("expires_at", UTC, nullable=False),
        sa.Column("used_at", UTC, nullable=True),
        sa.CheckConstraint("purpose IN ('invitation', 'password_reset')", name=op.f("ck_sign_in_code_codepurpose")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_sign_in_code_code_hash")),
        *_tenant("sign_in_code", "staff_id"),
    )
    op.create_index("ix_sign_in_code_practice_id_staff_id", "sign_in_code", ["practice_id", "staff_id"])
    op.create_table(
        "sign_in_throttle",
        sa.Column("failed_tries", sa.Integer(), nullable=False),
        sa.Column("waits_until", UTC, nullable=True),
        sa.Column("known_since", UTC, nullable=True),
        sa.Column("forgotten_at", UTC, nullable=False),
        sa.CheckConstraint("failed_tries >= 0", name=op.f("ck_sign_in_throttle_failed_tries_from_0")),
        *_tenant("sign_in_throttle"),
    )
    op.create_index("ix_sign_in_throttle_practice_id_forgotten_at", "sign_in_throttle", ["practice_id", "forgotten_at"])
    change_words("token", "kind", ("tokenkind", KNOWN), ("tokenkind", SAID))
    instant = UTC.compile(op.get_bind().dialect)
    for column in ADDED:
        op.execute(f"ALTER TABLE token ADD COLUMN {column.format(instant=instant)}")
    op.create_index("ix_token_practice_id_staff_id", "token", ["practice_id", "staff_id"])


def downgrade() -> None:
    op.drop_index("ix_token_practice_id_staff_id", "token")
    op.execute("DELETE FROM token WHERE kind IN ('staff_session', 'sign_in_challenge')")
    for column in reversed(ADDED):
        op.execute(f"ALTER TABLE token DROP COLUMN {column.split(' ')[0]}")
    change_words("token", "kind", ("tokenkind", SAID), ("tokenkind", KNOWN))
    for table in ("sign_in_throttle", "sign_in_code", "recovery_code", "staff_credential"):
        op.drop_table(table)
