"""What check-ins tell of a day, opioid steps, photos of wounds, and imaging that is seen."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words, unguarded
from models.row_security import secure_tables
from models.triggers import create_triggers

revision = "0029"
down_revision = "0027"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
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
_BEFORE, _AFTER = ("red_flag", "pain_rising", "opioid_past_window"), ("no_check_in", "far_behind")
STATES = ("visitstate", ("booked", "done", "no_show", "cancelled"))
STATES_WITH_SEEN = ("visitstate", ("booked", "done", "seen", "no_show", "cancelled"))
KINDS = ("alertkind", (*_BEFORE, *_AFTER))
KINDS_WITH_STEPS = ("alertkind", (*_BEFORE, "opioid_above_step", *_AFTER))


def upgrade() -> None:
    for name, definition in COLUMNS.items():
        op.execute(f"ALTER TABLE check_in ADD COLUMN {name} {definition}")
    change_words("alert", "kind", KINDS, KINDS_WITH_STEPS)
    change_words("visit", "state", STATES, STATES_WITH_SEEN)
    _opioid_taper()
    _wound_photo()
    secure_tables(op.get_bind())


def downgrade() -> None:
    op.drop_table("wound_photo")
    op.drop_table("opioid_taper")
    # A version before knows no such alert; what was decided about it goes with the patient's own record.
    op.execute("UPDATE alert SET kind = 'opioid_past_window' WHERE kind = 'opioid_above_step'")
    change_words("alert", "kind", KINDS_WITH_STEPS, KINDS)
    with unguarded("visit"):
        op.execute("UPDATE visit SET state = 'done' WHERE state = 'seen'")
    change_words("visit", "state", STATES_WITH_SEEN, STATES)
    for name in reversed(COLUMNS):
        op.execute(f"ALTER TABLE check_in DROP COLUMN {name}")


def _opioid_taper() -> None:
    op.create_table(
        "opioid_taper",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("mme_tenths_per_dose", sa.Integer(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.Column("entered_at", UTC, nullable=False),
        *_of_patient("opioid_taper", episode_id="episode", entered_by="staff"),
        sa.CheckConstraint(
            "mme_tenths_per_dose BETWEEN 0 AND 10000", name=op.f("ck_opioid_taper_mme_tenths_per_dose_range")
        ),
    )
    op.create_index(
        op.f("ix_opioid_taper_practice_id_episode_id_entered_at"),
        "opioid_taper",
        ["practice_id", "episode_id", "entered_at"],
    )
    _index_and_guard("opioid_taper")


def _wound_photo() -> None:
    op.create_table(
        "wound_photo",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        *(sa.Column(name, UTC, nullable=False) for name in ("taken_at", "received_at")),
        sa.Column(
            "reported_by",
            sa.Enum("patient", "staff", name="reporter", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("sent_digest", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("width", "height", "size_bytes")),
        sa.Column("picture_sealed", sa.LargeBinary(), nullable=True),
        *_of_patient("wound_photo", episode_id="episode"),
    )
    _index_and_guard("wound_photo")


def _of_patient(table: str, **references: str) -> tuple[sa.Column[Any] | sa.Constraint, ...]:
    """Return what every synced row of a patient has, and what a table refers to, by column."""
    keys = (
        sa.ForeignKeyConstraint(
            ["practice_id", column],
            [f"{target}.practice_id", f"{target}.id"],
            name=op.f(f"fk_{table}_practice_id_{column}"),
            initially="DEFERRED",
            deferrable=True,
        )
        for column, target in ({"patient_id": "patient"} | references).items()
    )
    return (
        *(sa.Column(name, sa.String(length=64), nullable=False) for name in ("patient_id", "practice_id", "id")),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        *keys,
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f(f"fk_{table}_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f(f"pk_{table}")),
    )


def _index_and_guard(table: str) -> None:
    for columns in (("practice_id", "patient_id", "rev", "id"), ("practice_id", "rev", "id")):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
    create_triggers(op.get_bind(), table)
