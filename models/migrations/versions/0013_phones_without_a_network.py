"""What a phone has without a network: words of messages, words around the card for emergencies, questionnaires."""

import sqlalchemy as sa
from alembic import op

from models.triggers import create_triggers

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
TABLE = "questionnaire_answer"
ADDED = (
    "safety_card.words JSON DEFAULT '{}' NOT NULL",
    "reminder.text JSON",
    (
        "reminder.correction VARCHAR(40) "
        "CONSTRAINT ck_reminder_correction CHECK (correction IN ('replaces_earlier', 'urgent'))"
    ),
)
INSTRUMENTS = ("nrs", "rmdq", "odi", "ndi", "eq5d", "promis", "sf12", "mjoa")
# What corrects something that was said, with a new revision of its practice: devices must hear of it. Planning keeps
# the words of all other messages, from the next time on; no plan has these two.
CORRECTS = """
    reminder.key IN ('surgery_moved', 'surgery_called_off') OR EXISTS (
        SELECT 1 FROM delivery WHERE delivery.practice_id = reminder.practice_id
        AND delivery.reminder_id = reminder.id AND delivery.generation = reminder.generation AND is_correction
    )
"""
STAMP = f"""
    UPDATE sync_clock SET revision = revision + 1
    WHERE practice_id IN (SELECT reminder.practice_id FROM reminder WHERE {CORRECTS})
"""  # noqa: S608 - no value of anybody's
FILL = f"""
    UPDATE reminder SET
        rev = (SELECT revision FROM sync_clock WHERE sync_clock.practice_id = reminder.practice_id),
        correction = CASE WHEN key IN ('surgery_moved', 'surgery_called_off') THEN 'urgent' ELSE 'replaces_earlier' END,
        text = CASE key WHEN 'surgery_moved' THEN :moved WHEN 'surgery_called_off' THEN :called_off END
    WHERE {CORRECTS}
"""  # noqa: S608 - as above
MOVED = {
    "en": "Your surgery has moved. Ask us now about eating and about paused medicines.",
    "es": "Su cirugía cambió de fecha. Pregúntenos ahora sobre la comida y los medicamentos suspendidos.",
}
CALLED_OFF = {
    "en": "Your surgery has been called off. Ask us now about eating and about paused medicines.",
    "es": "Su cirugía se canceló. Pregúntenos ahora sobre la comida y los medicamentos suspendidos.",
}


def upgrade() -> None:
    for each in ADDED:
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    op.execute(STAMP)
    words = {"moved": MOVED, "called_off": CALLED_OFF}
    op.execute(sa.text(FILL).bindparams(*(sa.bindparam(name, text, type_=sa.JSON) for name, text in words.items())))
    _questionnaire_answer()
    create_triggers(op.get_bind(), TABLE)


def downgrade() -> None:
    op.drop_table(TABLE)
    for each in reversed(ADDED):
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split(' ')[0]}")


def _questionnaire_answer() -> None:
    op.create_table(
        TABLE,
        _id("episode_id"),
        _id("milestone_id", nullable=True),
        sa.Column("instrument", _words("instrument", *INSTRUMENTS), nullable=False),
        sa.Column("answered_at", UTC, nullable=False),
        sa.Column("received_at", UTC, nullable=False),
        sa.Column("reported_by", _words("reporter", "patient", "staff"), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        _id("patient_id"),
        _id("practice_id"),
        _id("id"),
        _practice(),
        *(_reference(name) for name in ("patient", "episode", "milestone")),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f(f"pk_{TABLE}")),
    )
    for columns in (("patient_id", "rev", "id"), ("rev", "id"), ("episode_id", "answered_at")):
        _index("practice_id", *columns)


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=64), nullable=nullable)


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _practice() -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{TABLE}_practice_id")
    return sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name=name, initially="DEFERRED", deferrable=True)


def _reference(target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", f"{target}_id"],
        [f"{target}.practice_id", f"{target}.id"],
        name=op.f(f"fk_{TABLE}_practice_id_{target}_id"),
        initially="DEFERRED",
        deferrable=True,
    )


def _index(*columns: str) -> None:
    op.create_index(op.f(f"ix_{TABLE}_{'_'.join(columns)}"), TABLE, list(columns))
