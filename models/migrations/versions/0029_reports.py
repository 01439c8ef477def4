"""What check-ins tell of a day: opioid doses, temperature, the wound, sleep, mood and confidence."""

from alembic import op

revision = "0029"
down_revision = "0023"
branch_labels = None
depends_on = None

COLUMNS = {
    "opioid_doses": "INTEGER CONSTRAINT ck_check_in_opioid_doses_range CHECK (opioid_doses BETWEEN 0 AND 100)",
    "temperature_tenths_c": (
        "INTEGER CONSTRAINT ck_check_in_temperature_tenths_c_range CHECK (temperature_tenths_c BETWEEN 300 AND 450)"
    ),
    "wound_signs": "JSON",
    "sleep": "INTEGER CONSTRAINT ck_check_in_sleep_range CHECK (sleep BETWEEN 0 AND 10)",
    "mood": "INTEGER CONSTRAINT ck_check_in_mood_range CHECK (mood BETWEEN 0 AND 10)",
    "confidence": "INTEGER CONSTRAINT ck_check_in_confidence_range CHECK (confidence BETWEEN 0 AND 10)",
}


def upgrade() -> None:
    for name, definition in COLUMNS.items():
        op.execute(f"ALTER TABLE check_in ADD COLUMN {name} {definition}")


def downgrade() -> None:
    for name in reversed(COLUMNS):
        op.execute(f"ALTER TABLE check_in DROP COLUMN {name}")
