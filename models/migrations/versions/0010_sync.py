"""What synchronisation keeps: panels, acknowledgements, the card for emergencies, and what merging leaves behind."""

import sqlalchemy as sa
from alembic import op

from models.panel import FILL, create_panel_triggers
from models.triggers import create_triggers

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
GUARDED = ("reminder_ack", "safety_card", "former_version")
TABLES = ("refused_row", "former_version", "sync_conflict", "safety_card", "reminder_ack", "panel")
REPORTERS = ("patient", "staff")
UNRESOLVED = sa.text("resolution IS NULL")


def upgrade() -> None:
    _panel()
    _reminder_ack()
    _safety_card()
    _sync_conflict()
    _former_version()
    _refused_row()
    for table in GUARDED:
        create_triggers(op.get_bind(), table)
    op.execute(FILL)
    create_panel_triggers(op.get_bind())


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER episode_follow_panel ON episode")
        op.execute("DROP FUNCTION follow_panel()")
    else:
        op.execute("DROP TRIGGER episode_follow_panel_insert")
        op.execute("DROP TRIGGER episode_follow_panel_update")
    for table in TABLES:
        op.drop_table(table)


def _panel() -> None:
    op.create_table(
        "panel",
        *(_id(name) for name in ("practice_id", "staff_id", "patient_id")),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("changed_rev", sa.BigInteger(), nullable=False),
        *(_reference("panel", table) for table in ("staff", "patient")),
        sa.PrimaryKeyConstraint("practice_id", "staff_id", "patient_id", name=op.f("pk_panel")),
    )
    _index("panel", "practice_id", "staff_id", "changed_rev")


def _reminder_ack() -> None:
    op.create_table(
        "reminder_ack",
        _id("reminder_id"),
        sa.Column("acknowledged_at", UTC, nullable=False),
        sa.Column("received_at", UTC, nullable=False),
        sa.Column("reported_by", _words("reporter", *REPORTERS), nullable=False),
        *_synced("reminder_ack"),
        _id("patient_id"),
        *(_reference("reminder_ack", table) for table in ("patient", "reminder")),
    )
    _index("reminder_ack", "practice_id", "patient_id", "rev", "id")
    _index("reminder_ack", "practice_id", "rev", "id")


def _safety_card() -> None:
    op.create_table(
        "safety_card",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "phone")),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("emergency_numbers", "not_monitored", "red_flags")),
        sa.Column("monitored_until", UTC, nullable=True),
        *_synced("safety_card"),
    )
    _index("safety_card", "practice_id", "rev", "id")


def _sync_conflict() -> None:
    table = "sync_conflict"
    op.create_table(
        table,
        _id("patient_id"),
        sa.Column("collection", sa.String(length=40), nullable=False),
        _id("row_id"),
        sa.Column("happened_at", UTC, nullable=False),
        sa.Column("lost_by", _words("lost_by", *REPORTERS), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("kept_sealed", "lost_sealed")),
        sa.Column("resolution", _words("resolution", "kept", "restored"), nullable=True),
        sa.Column("resolved_at", UTC, nullable=True),
        sa.Column("resolved_by", sa.String(length=64), nullable=True),
        *_tenant(table),
        _reference(table, "patient"),
        _reference(table, "staff", "resolved_by"),
        *(
            sa.CheckConstraint(f"(resolution IS NULL) = ({column} IS NULL)", name=op.f(f"ck_{table}_{name}"))
            for column, name in (("resolved_at", "resolved_whole"), ("resolved_by", "resolved_by_somebody"))
        ),
    )
    op.create_index(
        "ix_sync_conflict_open",
        table,
        ["practice_id", "id"],
        sqlite_where=UNRESOLVED,
        postgresql_where=UNRESOLVED,
    )
    _index(table, "practice_id", "patient_id")


def _former_version() -> None:
    op.create_table(
        "former_version",
        _id("patient_id"),
        sa.Column("collection", sa.String(length=40), nullable=False),
        _id("row_id"),
        sa.Column("replaced_at", UTC, nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        *_tenant("former_version"),
        _reference("former_version", "patient"),
    )
    _index("former_version", "practice_id", "collection", "row_id", "id")


def _refused_row() -> None:
    op.create_table(
        "refused_row",
        sa.Column("patient_id", sa.String(length=64), nullable=True),
        _id("actor_id"),
        sa.Column("collection", sa.String(length=40), nullable=False),
        _id("row_id"),
        sa.Column("refused_at", UTC, nullable=False),
        sa.Column("refused_rev", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        *_tenant("refused_row"),
        _reference("refused_row", "patient"),
    )
    _index("refused_row", "practice_id", "actor_id", "refused_rev")


def _id(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=64), nullable=False)


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _tenant(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    practice = sa.ForeignKeyConstraint(
        ["practice_id"],
        ["practice.id"],
        name=op.f(f"fk_{table}_practice_id"),
        initially="DEFERRED",
        deferrable=True,
    )
    return (
        _id("practice_id"),
        _id("id"),
        practice,
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f(f"pk_{table}")),
    )


def _synced(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    rev = sa.Column("rev", sa.BigInteger(), nullable=False)
    return rev, sa.Column("deleted", sa.Boolean(), nullable=False), *_tenant(table)


def _reference(table: str, target: str, column: str | None = None) -> sa.ForeignKeyConstraint:
    local = column or f"{target}_id"
    return sa.ForeignKeyConstraint(
        ["practice_id", local],
        [f"{target}.practice_id", f"{target}.id"],
        name=op.f(f"fk_{table}_practice_id_{local}"),
        initially="DEFERRED",
        deferrable=True,
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
