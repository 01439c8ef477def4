"""Room for which message said what (several items of a patient go in one), and for providers that are left alone."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
PROVIDERS = ("smtp", "sms", "fcm", "apns", "expo", "web_push", "webhook")
REASONS = ("trouble", "credentials", "busy")


def upgrade() -> None:
    op.execute("ALTER TABLE delivery_attempt ADD COLUMN carried_by VARCHAR(64)")
    op.create_table(
        "provider_pause",
        sa.Column("provider", _one_of("provider", PROVIDERS), nullable=False),
        sa.Column("reason", _one_of("pausereason", REASONS), nullable=False),
        sa.Column("began_at", UTC, nullable=False),
        sa.Column("until_at", UTC, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_pause")),
    )


def downgrade() -> None:
    op.drop_table("provider_pause")
    op.execute("ALTER TABLE delivery_attempt DROP COLUMN carried_by")


def _one_of(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)
