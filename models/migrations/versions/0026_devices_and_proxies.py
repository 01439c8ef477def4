"""What a device's tokens succeed."""

from alembic import op

revision = "0026"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE token ADD COLUMN succeeds_id VARCHAR(64)")


def downgrade() -> None:
    op.execute("ALTER TABLE token DROP COLUMN succeeds_id")
