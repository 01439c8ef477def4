"""The conflict inbox: who wrote what was lost, collisions that come again, refused rows that are done."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OPEN = sa.text("resolution IS NULL")
COLLISION = "ix_sync_conflict_collision"
KNOWN, SAID = ("lost_by", ("patient", "staff")), ("lost_by", ("patient", "staff", "unknown"))
ADDED = (
    "sync_conflict.collision VARCHAR(64) DEFAULT '' NOT NULL",
    (
        "former_version.replaced_by VARCHAR(40) "
        "CONSTRAINT ck_former_version_replaced_by CHECK (replaced_by IN ('patient', 'staff'))"
    ),
    "refused_row.done_at {instant}",
    (
        "refused_row.done_by VARCHAR(64) "
        "CONSTRAINT ck_refused_row_done_by_somebody CHECK ((done_at IS NULL) = (done_by IS NULL))"
    ),
)


def upgrade() -> None:
    instant = sa.DateTime(timezone=True).compile(op.get_bind().dialect)
    for each in ADDED:
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column.format(instant=instant)}")
    # Until now the id of a conflict followed from what collided alone.
    op.execute("UPDATE sync_conflict SET collision = id")
    op.create_index(
        COLLISION,
        "sync_conflict",
        ["practice_id", "collision"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    change_words("sync_conflict", "lost_by", KNOWN, SAID)


def downgrade() -> None:
    # Until now what was lost of settings was said to be the clinic's.
    op.execute("UPDATE sync_conflict SET lost_by = 'staff' WHERE lost_by = 'unknown'")
    change_words("sync_conflict", "lost_by", SAID, KNOWN)
    op.drop_index(COLLISION, "sync_conflict")
    for each in reversed(ADDED):
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split(' ')[0]}")
