"""Room for how urgent a message is, and for what a patient decides about messages."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words, unguarded

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ADDED = (
    "patient.opted_out_categories JSON DEFAULT '[]' NOT NULL",
    "delivery.after_silence BOOLEAN DEFAULT false NOT NULL",
    (
        "delivery.urgency SMALLINT DEFAULT '2' NOT NULL "
        "CONSTRAINT ck_delivery_urgency_range CHECK (urgency BETWEEN 0 AND 2)"
    ),
)
TIMES = ("acknowledged_at", "snoozed_until")
DECISIONS = (
    "planned", "not_planned", "held", "passed_over", "sending", "sent", "retrying", "suppressed", "expired",
    "cancelled", "failed", "quarantined", "delivered", "undelivered",
)  # fmt: skip
NEW_DECISIONS = (*DECISIONS, "acknowledged", "snoozed")
TASKS = (
    "confirm_surgery", "past_items", "fill_slot", "arrival_time", "call_patient", "address_failed", "message_received",
)  # fmt: skip
NEW_TASKS = (*TASKS, "too_many_messages")
CLAIM_INDEX = "ix_delivery_claim"
OPEN = sa.text("state IN ('pending', 'leased', 'sending')")
# How urgent those are that wait now.
RANK = """
    UPDATE delivery SET urgency = (
        SELECT CASE
            WHEN reminder.key IN ('surgery_moved', 'surgery_called_off') THEN 0
            WHEN reminder.category IN ('safety', 'medication') THEN 1
            ELSE 2 END
        FROM reminder WHERE reminder.practice_id = delivery.practice_id AND reminder.id = delivery.reminder_id
    ) WHERE state IN ('pending', 'leased', 'sending')
"""


def upgrade() -> None:
    for each in ADDED:
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    for name in TIMES:
        op.add_column("reminder", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    change_words("decision", "kind", ("decisionkind", DECISIONS), ("decisionkind", NEW_DECISIONS))
    change_words("task", "kind", ("taskkind", TASKS), ("taskkind", NEW_TASKS))
    op.execute(RANK)
    _index_claims("practice_id", "urgency", "next_attempt_at")


def downgrade() -> None:
    _index_claims("next_attempt_at")
    with unguarded("task"):
        op.execute("UPDATE task SET kind = 'call_patient' WHERE kind = 'too_many_messages'")
    change_words("task", "kind", ("taskkind", NEW_TASKS), ("taskkind", TASKS))
    # Where a story has one of the new lines, PostgreSQL refuses: it cannot be told without the word.
    change_words("decision", "kind", ("decisionkind", NEW_DECISIONS), ("decisionkind", DECISIONS))
    for name in reversed(TIMES):
        op.execute(f"ALTER TABLE reminder DROP COLUMN {name}")
    for each in reversed(ADDED):
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split(' ')[0]}")


def _index_claims(*columns: str) -> None:
    op.drop_index(CLAIM_INDEX, "delivery")
    op.create_index(CLAIM_INDEX, "delivery", columns, postgresql_where=OPEN, sqlite_where=OPEN)
