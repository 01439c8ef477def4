"""Indexes that lead to what is open: a practice's worklist costs nothing for what is finished."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0034"
branch_labels = None
depends_on = None

DAYS = ("earliest_on", "latest_on", "eligible_on", "target_on")
INDEXES = (
    ("ix_episode_open", "episode", ("patient_id", "id"), "status IN ('active', 'paused')"),
    ("ix_check_in_heard", "check_in", ("episode_id", "reported_at", "deleted"), None),
    (
        "ix_milestone_may_wait",
        "milestone",
        ("episode_id", *DAYS, "lifts"),
        "cancelled_at IS NULL AND (lifts IS NOT NULL OR owner = 'patient')",
    ),
    ("ix_task_open", "task", ("episode_id",), "state = 'open'"),
    ("ix_alert_open", "alert", ("episode_id",), "state != 'closed'"),
)


def upgrade() -> None:
    for name, table, columns, condition in INDEXES:
        where = None if condition is None else sa.text(condition)
        op.create_index(name, table, ["practice_id", *columns], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table)
