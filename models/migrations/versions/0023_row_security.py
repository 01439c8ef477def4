"""On PostgreSQL: row security on every table of practices, and a way for the service to have its tables counted."""

from alembic import op

from models.row_security import lay_open_tables, secure_tables
from models.statistics import create_refresh, drop_refresh

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    secure_tables(op.get_bind())
    create_refresh(op.get_bind())


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        drop_refresh(op.get_bind())
        lay_open_tables(op.get_bind())
