"""Room for what comes back from providers, and for the address of a clinic's own system."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
ID = sa.String(length=64)
TABLES_LAST_FIRST = ("inbound_message", "dead_address", "receipt")
PROVIDERS = ("smtp", "sms", "fcm", "apns", "expo", "web_push", "webhook")
RECEIPTS = ("delivered", "undelivered", "bounced", "complained", "opted_out")
INBOUND = ("stop", "start", "help", "message")
DECISIONS = (
    "planned", "not_planned", "held", "passed_over", "sending", "sent", "retrying", "suppressed", "expired",
    "cancelled", "failed", "quarantined",
)  # fmt: skip
TASKS = ("confirm_surgery", "past_items", "fill_slot", "arrival_time", "call_patient")
ACTORS = ("staff", "device", "link", "worker", "command")
GROWN = (
    ("decision", "kind", "decisionkind", DECISIONS, ("delivered", "undelivered")),
    ("task", "kind", "taskkind", TASKS, ("address_failed", "message_received")),
    ("audit_entry", "actor_kind", "actorkind", ACTORS, ("provider",)),
)


def upgrade() -> None:
    op.execute("ALTER TABLE practice ADD COLUMN webhook_url TEXT")
    sealed = "BYTEA" if op.get_bind().dialect.name == "postgresql" else "BLOB"
    op.execute(f"ALTER TABLE practice ADD COLUMN webhook_secret_sealed {sealed}")
    for table, column, check, old, more in GROWN:
        change_words(table, column, (check, old), (check, (*old, *more)))
    _create_receipts()
    _create_dead_addresses()
    _create_inbound_messages()


def downgrade() -> None:
    for table in TABLES_LAST_FIRST:
        op.drop_table(table)
    # Where the new words were used, PostgreSQL refuses: that story cannot be told without them.
    for table, column, check, old, more in GROWN:
        change_words(table, column, (check, (*old, *more)), (check, old))
    for column in ("webhook_secret_sealed", "webhook_url"):
        op.execute(f"ALTER TABLE practice DROP COLUMN {column}")


def _create_receipts() -> None:
    op.create_table(
        "receipt",
        sa.Column("delivery_id", ID, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("kind", _words("receiptkind", RECEIPTS), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("happened_at", UTC, nullable=False),
        sa.Column("received_at", UTC, nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("practice_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "delivery_id", "fence"],
            ["delivery_attempt.practice_id", "delivery_attempt.delivery_id", "delivery_attempt.fence"],
            name=op.f("fk_receipt_practice_id_delivery_id_fence"),
            initially="DEFERRED",
            deferrable=True,
        ),
        _of_practice("receipt"),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_receipt")),
    )
    op.create_index(op.f("ix_receipt_practice_id_delivery_id"), "receipt", ["practice_id", "delivery_id"])
    op.create_index(
        "ix_receipt_unread",
        "receipt",
        ["practice_id", "id"],
        sqlite_where=sa.text("is_read = 0"),
        postgresql_where=sa.text("NOT is_read"),
    )


def _create_dead_addresses() -> None:
    op.create_table(
        "dead_address",
        sa.Column("practice_id", ID, nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("delivery_id", ID, nullable=False),
        sa.Column("provider", _words("provider", PROVIDERS), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("died_at", UTC, nullable=False),
        sa.Column("revived_at", UTC, nullable=True),
        sa.Column("task_id", ID, nullable=True),
        _reference("dead_address", "delivery"),
        _reference("dead_address", "task"),
        _of_practice("dead_address"),
        sa.PrimaryKeyConstraint("practice_id", "target", name=op.f("pk_dead_address")),
    )
    op.create_index(op.f("ix_dead_address_practice_id_task_id"), "dead_address", ["practice_id", "task_id"])
    unasked = sa.text("task_id IS NULL")
    op.create_index(
        "ix_dead_address_unasked",
        "dead_address",
        ["practice_id", "target"],
        sqlite_where=unasked,
        postgresql_where=unasked,
    )


def _create_inbound_messages() -> None:
    op.create_table(
        "inbound_message",
        sa.Column("patient_id", ID, nullable=False),
        sa.Column("received_at", UTC, nullable=False),
        sa.Column("kind", _words("inboundkind", INBOUND), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("practice_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        _reference("inbound_message", "patient"),
        _of_practice("inbound_message"),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_inbound_message")),
    )
    op.create_index(
        op.f("ix_inbound_message_practice_id_patient_id_received_at_id"),
        "inbound_message",
        ["practice_id", "patient_id", "received_at", "id"],
    )


def _words(name: str, known: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*known, name=name, native_enum=False, create_constraint=True, length=40)


def _reference(table: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", f"{to}_id"],
        [f"{to}.practice_id", f"{to}.id"],
        name=op.f(f"fk_{table}_practice_id_{to}_id"),
        initially="DEFERRED",
        deferrable=True,
    )


def _of_practice(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id"],
        ["practice.id"],
        name=op.f(f"fk_{table}_practice_id"),
        initially="DEFERRED",
        deferrable=True,
    )
