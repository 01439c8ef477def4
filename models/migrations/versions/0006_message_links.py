"""Room for one-time links, and for a patient's consent to details in subjects and on lock screens."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
ACTORS = ("staff", "device", "worker", "command")
WITH_LINK = ("staff", "device", "link", "worker", "command")


def upgrade() -> None:
    op.add_column("patient", sa.Column("details_consent_at", UTC, nullable=True))
    change_words("audit_entry", "actor_kind", ("actorkind", ACTORS), ("actorkind", WITH_LINK))
    op.create_table(
        "message_link",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("reminder_id", sa.String(length=64), nullable=False),
        sa.Column("says", sa.JSON(), nullable=False),
        sa.Column("said_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UTC, nullable=False),
        sa.Column("expires_at", UTC, nullable=False),
        sa.Column("opened_at", UTC, nullable=True),
        sa.Column("failed_tries", sa.Integer(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("failed_tries >= 0", name=op.f("ck_message_link_failed_tries_from_0")),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_message_link_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "reminder_id"],
            ["reminder.practice_id", "reminder.id"],
            name=op.f("fk_message_link_practice_id_reminder_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_message_link_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_message_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_message_link_token_hash")),
    )
    op.create_index("ix_message_link_practice_id_patient_id", "message_link", ["practice_id", "patient_id"])


def downgrade() -> None:
    op.drop_table("message_link")
    # Where a link was opened, PostgreSQL refuses: that entry cannot be told without the word.
    change_words("audit_entry", "actor_kind", ("actorkind", WITH_LINK), ("actorkind", ACTORS))
    op.execute("ALTER TABLE patient DROP COLUMN details_consent_at")
