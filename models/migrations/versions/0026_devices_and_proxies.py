"""What a device's tokens succeed, and devices that were lost."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0023"
branch_labels = None
depends_on = None


ADDED = (
    "token.succeeds_id VARCHAR(64)",
    "device.lost_at {instant}",
    "device.wipe_told_at {instant}",
    "device.wiped_at {instant}",
)


def upgrade() -> None:
    instant = sa.DateTime(timezone=True).compile(op.get_bind().dialect)
    for each in ADDED:
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column.format(instant=instant)}")


def downgrade() -> None:
    for each in reversed(ADDED):
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split(' ')[0]}")
