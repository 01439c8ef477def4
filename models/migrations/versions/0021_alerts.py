"""Red flags in check-ins, alerts with their log, who is on call, and messages to staff in the worker's book."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_text
from models.triggers import (
    IS_ERASED,
    OF_REMINDER_ERASED,
    OF_REMINDER_OR_ALERT_ERASED,
    create_partial_guard,
    drop_guard,
)

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
TABLES = ("alert", "alert_entry", "on_call_shift", "staff_address")
CHANNELS = ("push", "email", "sms", "webhook")
# Which tables of the worker's book may be about an alert, and what else they name then.
BOOKS = {"delivery": ("alert", "staff"), "decision": ("alert",)}
INDEXED = {"delivery": ("practice_id", "alert_id", "generation"), "decision": ("practice_id", "alert_id", "id")}
ONE_SUBJECT = "(reminder_id IS NULL) <> (alert_id IS NULL)"
REQUIRED, OPTIONAL = "reminder_id VARCHAR(64) NOT NULL", "reminder_id VARCHAR(64)"


def upgrade() -> None:
    _alert()
    _alert_entry()
    _on_call_shift()
    _staff_address()
    create_partial_guard(op.get_bind(), "alert_entry", IS_ERASED)
    op.execute("ALTER TABLE check_in ADD COLUMN red_flags JSON")
    drop_guard(op.get_bind(), "decision")
    for book, names in BOOKS.items():
        for name in names:
            op.execute(f"ALTER TABLE {book} ADD COLUMN {name}_id VARCHAR(64)")
        _admit_alerts(book, names)
        is_of_alert = sa.text("alert_id IS NOT NULL")
        op.create_index(f"ix_{book}_alert", book, INDEXED[book], postgresql_where=is_of_alert, sqlite_where=is_of_alert)

    create_partial_guard(op.get_bind(), "decision", OF_REMINDER_OR_ALERT_ERASED)


def downgrade() -> None:
    for book, names in reversed(BOOKS.items()):
        op.drop_index(f"ix_{book}_alert", book)
        _forget_alerts(book, names)
        for name in reversed(names):
            op.execute(f"ALTER TABLE {book} DROP COLUMN {name}_id")
    op.execute("ALTER TABLE check_in DROP COLUMN red_flags")
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION guard_alert_entry()")
    create_partial_guard(op.get_bind(), "decision", OF_REMINDER_ERASED)


def _admit_alerts(book: str, names: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(book, "reminder_id", nullable=True)
        op.create_check_constraint(op.f(f"ck_{book}_one_subject"), book, ONE_SUBJECT)
        for name in names:
            op.create_foreign_key(
                op.f(f"fk_{book}_practice_id_{name}_id"),
                book,
                name,
                ["practice_id", f"{name}_id"],
                ["practice_id", "id"],
                initially="DEFERRED",
                deferrable=True,
            )
        return
    change_text(book, REQUIRED, OPTIONAL)
    key = _key_of(book)
    change_text(book, key, f"{_rules(book, names)}, {key}")


def _forget_alerts(book: str, names: tuple[str, ...]) -> None:
    """Let the book be about reminders alone again, without what it told of alerts."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    if book == "decision":
        drop_guard(op.get_bind(), book)
    if is_postgresql:
        op.execute(f"ALTER TABLE {book} DISABLE TRIGGER USER")
    if book == "delivery":
        attempts = "SELECT id FROM delivery WHERE alert_id IS NOT NULL AND practice_id = delivery_attempt.practice_id"
        op.execute(f"DELETE FROM delivery_attempt WHERE delivery_id IN ({attempts})")  # noqa: S608 - nobody's value
    op.execute(f"DELETE FROM {book} WHERE alert_id IS NOT NULL")  # noqa: S608 - as above
    if is_postgresql:
        op.execute(f"ALTER TABLE {book} ENABLE TRIGGER USER")
        op.drop_constraint(op.f(f"ck_{book}_one_subject"), book, type_="check")
        for name in names:
            op.drop_constraint(op.f(f"fk_{book}_practice_id_{name}_id"), book, type_="foreignkey")
        op.alter_column(book, "reminder_id", nullable=False)
        return
    change_text(book, f"{_rules(book, names)}, ", "")
    change_text(book, OPTIONAL, REQUIRED)


def _key_of(book: str) -> str:
    return f"CONSTRAINT pk_{book} PRIMARY KEY (practice_id, id)"


def _rules(book: str, names: tuple[str, ...]) -> str:
    keys = (
        f"CONSTRAINT fk_{book}_practice_id_{name}_id FOREIGN KEY(practice_id, {name}_id) "
        f"REFERENCES {name} (practice_id, id) DEFERRABLE INITIALLY DEFERRED"
        for name in names
    )
    return ", ".join((*keys, f"CONSTRAINT ck_{book}_one_subject CHECK ({ONE_SUBJECT})"))


def _alert() -> None:
    op.create_table(
        "alert",
        _id("patient_id"),
        _id("episode_id"),
        _word("kind", "alertkind", "red_flag", "pain_rising", "opioid_past_window", "no_check_in", "far_behind"),
        _word(
            "urgency",
            "alerturgency",
            "emergency_number",
            "emergency_department",
            "same_day",
            "next_day",
            "routine",
        ),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("raised_at", UTC, nullable=False),
        *(sa.Column(name, UTC, nullable=True) for name in ("told_at", "acknowledge_by", "withdrawn_at")),
        _word("state", "alertstate", "open", "acknowledged", "closed"),
        *(_id(name, nullable=True) for name in ("owner_id", "acknowledged_by", "closed_by")),
        *(sa.Column(name, UTC, nullable=True) for name in ("acknowledged_at", "closed_at", "next_escalation_at")),
        _word(
            "outcome",
            "alertoutcome",
            "sent_to_emergency",
            "seen_in_clinic",
            "visit_booked",
            "advised_by_phone",
            "prescription_changed",
            "no_action_needed",
            "answered_by_mistake",
            "not_reached",
            "other",
            nullable=True,
        ),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("level", "calls", "first_call", "version")),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_alert_{name}"))
            for name, rule in {
                "level_from_0": "level >= 0",
                "calls_from_0": "calls >= 0",
                "version_from_1": "version >= 1",
                "closed_with_outcome": "(state = 'closed') = (outcome IS NOT NULL)",
                "acknowledged_by_somebody": "state = 'open' OR acknowledged_by IS NOT NULL",
                "only_open_ones_call": "state = 'open' OR next_escalation_at IS NULL",
            }.items()
        ),
        *_tenant("alert", patient_id="patient", episode_id="episode", **dict.fromkeys(_BY, "staff")),
    )
    _index("alert", "practice_id", "state", "raised_at")
    _index("alert", "practice_id", "patient_id", "raised_at")
    waits = sa.text("next_escalation_at IS NOT NULL")
    op.create_index(
        "ix_alert_escalation",
        "alert",
        ["practice_id", "next_escalation_at"],
        postgresql_where=waits,
        sqlite_where=waits,
    )


_BY = ("owner_id", "acknowledged_by", "closed_by")


def _alert_entry() -> None:
    op.create_table(
        "alert_entry",
        _id("alert_id"),
        _id("patient_id"),
        _word(
            "line",
            "alertline",
            "raised",
            "called",
            "escalated",
            "nobody_to_call",
            "withdrawn",
            "said_again",
            "acknowledged",
            "assigned",
            "contact",
            "closed",
        ),
        sa.Column("made_at", UTC, nullable=False),
        _id("made_by", nullable=True),
        sa.Column("about", sa.JSON(), nullable=False),
        _word("method", "contactmethod", "phone", "video", "in_person", "message", "relative", nullable=True),
        sa.Column("is_reached", sa.Boolean(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(line = 'contact') = (method IS NOT NULL AND is_reached IS NOT NULL)",
            name=op.f("ck_alert_entry_contact_whole"),
        ),
        *_tenant("alert_entry", alert_id="alert", patient_id="patient", made_by="staff"),
    )
    _index("alert_entry", "practice_id", "alert_id", "id")


def _on_call_shift() -> None:
    op.create_table(
        "on_call_shift",
        _id("staff_id"),
        _word("place", "oncallplace", "first", "second", "fallback"),
        *(
            sa.Column(name, type_, nullable=False)
            for name, type_ in (
                ("from_on", sa.Date()),
                ("from_at", sa.Time()),
                ("until_on", sa.Date()),
                ("until_at", sa.Time()),
            )
        ),
        sa.CheckConstraint("until_on >= from_on", name=op.f("ck_on_call_shift_ends_after_it_begins")),
        *_tenant("on_call_shift", staff_id="staff"),
    )
    _index("on_call_shift", "practice_id", "until_on")


def _staff_address() -> None:
    op.create_table(
        "staff_address",
        _id("staff_id"),
        _word("channel", "channel", *CHANNELS),
        sa.Column("wanted_rank", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("address_sealed", "address_lookup")),
        sa.Column("set_at", UTC, nullable=False),
        sa.Column("disabled_at", UTC, nullable=True),
        sa.Column("disabled_code", sa.String(length=64), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'sms', 'push')", name=op.f("ck_staff_address_reaches_a_person")),
        sa.CheckConstraint("wanted_rank >= 0", name=op.f("ck_staff_address_wanted_rank_from_0")),
        sa.UniqueConstraint(
            "practice_id", "staff_id", "channel", name=op.f("uq_staff_address_practice_id_staff_id_channel")
        ),
        *_tenant("staff_address", staff_id="staff"),
    )


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=64), nullable=nullable)


def _word(column: str, name: str, *words: str, nullable: bool = False) -> sa.Column[str]:
    vocabulary = sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(column, vocabulary, nullable=nullable)


def _tenant(table: str, **references: str) -> tuple[sa.Column[str] | sa.Constraint, ...]:
    """Return the key of a table and what it refers to, by column."""
    keys = (
        sa.ForeignKeyConstraint(
            ["practice_id", column],
            [f"{target}.practice_id", f"{target}.id"],
            name=op.f(f"fk_{table}_practice_id_{column}"),
            initially="DEFERRED",
            deferrable=True,
        )
        for column, target in references.items()
    )
    practice = sa.ForeignKeyConstraint(
        ["practice_id"], ["practice.id"], name=op.f(f"fk_{table}_practice_id"), initially="DEFERRED", deferrable=True
    )
    key = sa.PrimaryKeyConstraint("practice_id", "id", name=op.f(f"pk_{table}"))
    return (_id("practice_id"), _id("id"), practice, *keys, key)


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
