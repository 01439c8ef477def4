"""Exercises on phones that synchronise: those of an episode, and in check-ins what was ticked (schema version 5)."""

import sqlalchemy as sa
from alembic import op

revision = "0038_serves_0036"
down_revision = "0037_serves_0036"
branch_labels = None
depends_on = None

# Whoever upgrades an app has its column filled from here on: what was ticked before comes with a new revision.
STAMP = """
    UPDATE sync_clock SET revision = revision + 1
    WHERE practice_id IN (SELECT practice_id FROM check_in WHERE exercises IS NOT NULL)
"""
TOUCH = """
    UPDATE check_in SET rev = (SELECT revision FROM sync_clock WHERE sync_clock.practice_id = check_in.practice_id)
    WHERE exercises IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("episode", sa.Column("exercises", sa.JSON(), nullable=True))
    op.execute(STAMP)
    op.execute(TOUCH)


def downgrade() -> None:
    op.execute("ALTER TABLE episode DROP COLUMN exercises")
