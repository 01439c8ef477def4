"""Deliveries that are held after a restore, until somebody says what becomes of them."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KNOWN = ("pending", "leased", "sending", "sent", "failed", "cancelled", "expired", "suppressed", "quarantined")
SAID = (*KNOWN[:3], "held", *KNOWN[3:])
CHECK = "deliverystate"
INDEX = "ix_delivery_held"


def upgrade() -> None:
    change_words("delivery", "state", (CHECK, KNOWN), (CHECK, SAID))
    is_held = sa.text("state = 'held'")
    op.create_index(INDEX, "delivery", ["practice_id", "id"], postgresql_where=is_held, sqlite_where=is_held)


def downgrade() -> None:
    # The release before would send what is pending, and may say twice what went out after the backup.
    op.execute(
        "UPDATE delivery SET state = 'cancelled', finished_at = next_attempt_at, published = false WHERE state = 'held'"
    )
    op.drop_index(INDEX, "delivery")
    change_words("delivery", "state", (CHECK, SAID), (CHECK, KNOWN))
