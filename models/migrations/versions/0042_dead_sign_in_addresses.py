"""Since when no mail reaches the address that somebody signs in with, and by which code."""

import sqlalchemy as sa
from alembic import op

revision = "0042_serves_0036"
down_revision = "0041_serves_0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("email_dead_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("staff", sa.Column("email_dead_code", sa.String(64), nullable=True))


def downgrade() -> None:
    op.execute("ALTER TABLE staff DROP COLUMN email_dead_code")
    op.execute("ALTER TABLE staff DROP COLUMN email_dead_at")
