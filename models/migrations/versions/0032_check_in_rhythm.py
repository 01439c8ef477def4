"""The clinic's rhythm of check-ins, how far plans follow it, staff calls as tasks, and exercises that were done."""

from alembic import op

from models.migration_steps import change_words, unguarded

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

COLUMNS = {"check_in_rhythms": "JSON", "rhythm_planned_through": "VARCHAR(64)"}
TASKS = (
    "confirm_surgery", "past_items", "fill_slot", "arrival_time", "call_patient", "address_failed", "message_received",
    "too_many_messages",
)  # fmt: skip
NEW_TASKS = (*TASKS, "recovery_call")


def upgrade() -> None:
    for name, definition in COLUMNS.items():
        op.execute(f"ALTER TABLE practice ADD COLUMN {name} {definition}")
    op.execute("ALTER TABLE check_in ADD COLUMN exercises JSON")
    change_words("task", "kind", ("taskkind", TASKS), ("taskkind", NEW_TASKS))


def downgrade() -> None:
    with unguarded("task"):
        op.execute("UPDATE task SET kind = 'call_patient' WHERE kind = 'recovery_call'")
    change_words("task", "kind", ("taskkind", NEW_TASKS), ("taskkind", TASKS))
    op.execute("ALTER TABLE check_in DROP COLUMN exercises")
    for name in reversed(COLUMNS):
        op.execute(f"ALTER TABLE practice DROP COLUMN {name}")
