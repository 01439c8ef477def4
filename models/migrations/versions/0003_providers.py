"""Room for who took a message, for the name that it bears there, and for a clinic's own system as a channel."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CHANNELS = ("push", "email", "sms")
WITH_CHANNEL = ("delivery", "delivery_attempt", "decision")
PROVIDERS = ("smtp", "sms", "fcm", "apns", "expo", "web_push", "webhook")
RECEIPT_INDEX = "ix_delivery_attempt_receipt"


def upgrade() -> None:
    for table in WITH_CHANNEL:
        change_words(table, "channel", ("channel", CHANNELS), ("channel", (*CHANNELS, "webhook")))
    known = ", ".join(repr(word) for word in PROVIDERS)
    op.execute(
        "ALTER TABLE delivery_attempt ADD COLUMN provider VARCHAR(40) "
        f"CONSTRAINT ck_delivery_attempt_provider CHECK (provider IN ({known}))"
    )
    op.execute("ALTER TABLE delivery_attempt ADD COLUMN provider_message_id VARCHAR(128)")
    is_known = sa.text("provider_message_id IS NOT NULL")
    op.create_index(
        RECEIPT_INDEX, "delivery_attempt", ["provider_message_id"], postgresql_where=is_known, sqlite_where=is_known
    )


def downgrade() -> None:
    op.drop_index(RECEIPT_INDEX, "delivery_attempt")
    for column in ("provider_message_id", "provider"):
        op.execute(f"ALTER TABLE delivery_attempt DROP COLUMN {column}")
    # Where the clinic's own system was used, PostgreSQL refuses: that story cannot be told without the word.
    for table in WITH_CHANNEL:
        change_words(table, "channel", ("channel", (*CHANNELS, "webhook")), ("channel", CHANNELS))
