"""Who may do what: roles that treat nobody, and programs of a clinic with keys of their own.

Auditors read who did what, operators see whether the service runs.
"""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
ROLES = ("practice_admin", "clinician", "coordinator")
MORE_ROLES = (*ROLES, "auditor", "operator")
ACTORS = ("staff", "device", "link", "worker", "command", "provider")
MORE_ACTORS = (*ACTORS, "service")


def upgrade() -> None:
    change_words("staff", "role", ("staffrole", ROLES), ("staffrole", MORE_ROLES))
    change_words("audit_entry", "actor_kind", ("actorkind", ACTORS), ("actorkind", MORE_ACTORS))
    op.create_table(
        "service_account",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=True),
        sa.Column("made_at", UTC, nullable=False),
        sa.Column("expires_at", UTC, nullable=False),
        sa.Column("last_used_at", UTC, nullable=True),
        sa.Column("revoked_at", UTC, nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_service_account_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "made_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_service_account_practice_id_made_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_service_account")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_service_account_key_hash")),
    )


def downgrade() -> None:
    op.drop_table("service_account")
    # Where a program did something, PostgreSQL refuses: that entry cannot be told without the word.
    change_words("audit_entry", "actor_kind", ("actorkind", MORE_ACTORS), ("actorkind", ACTORS))
    # No older role is as narrow: whoever has a new one is disabled.
    op.execute(
        "UPDATE staff SET role = 'coordinator', disabled_at = coalesce(disabled_at, CURRENT_TIMESTAMP) "
        "WHERE role IN ('auditor', 'operator')"
    )
    change_words("staff", "role", ("staffrole", MORE_ROLES), ("staffrole", ROLES))
