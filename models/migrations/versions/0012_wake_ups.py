"""What wake-ups of apps in the background need: whom to wake, what devices have and made, how far was looked."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
DUE = sa.text("due_at IS NOT NULL")
STATES = ("waiting", "paced", "in_hand")
TABLES = ("wake_tally", "wake_mark", "device_change", "device_pull", "device_wake")
# What changed before is no news: nobody is woken for it.
BEGIN_HERE = "INSERT INTO wake_mark (practice_id, revision) SELECT practice_id, revision FROM sync_clock"


def upgrade() -> None:
    op.create_table(
        "device_wake",
        *_key("device_wake", _id("device_id")),
        _number("wanted_rev"),
        *(sa.Column(name, UTC, nullable=True) for name in ("due_at", "quiet_until")),
        sa.Column("state", _words("wakestate", *STATES), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        _number("fence"),
        _of_device("device_wake"),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_device_wake_tries_from_0")),
    )
    op.create_index("ix_device_wake_due", "device_wake", ["due_at"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_table(
        "device_pull",
        *_key("device_pull", _id("device_id"), _word("table_name")),
        _number("revision"),
        _of_device("device_pull"),
    )
    op.create_table(
        "device_change",
        *_key("device_change", _number("revision")),
        _id("device_id"),
        _of_device("device_change"),
    )
    op.create_table("wake_mark", *_key("wake_mark"), _number("revision"), _of_practice("wake_mark"))
    op.create_table(
        "wake_tally",
        *_key("wake_tally", _word("provider"), _word("outcome")),
        _number("count"),
        _of_practice("wake_tally"),
    )
    op.execute(BEGIN_HERE)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def _key(table: str, *more: sa.Column[Any]) -> tuple[sa.schema.SchemaItem, ...]:
    """Return the columns of a primary key, the practice first, and the key."""
    columns = (_id("practice_id"), *more)
    return *columns, sa.PrimaryKeyConstraint(*(column.name for column in columns), name=op.f(f"pk_{table}"))


def _id(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=64), nullable=False)


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=40), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _of_practice(table: str) -> sa.ForeignKeyConstraint:
    return _reference(table, ["practice_id"], ["practice.id"])


def _of_device(table: str) -> sa.ForeignKeyConstraint:
    return _reference(table, ["practice_id", "device_id"], ["device.practice_id", "device.id"])


def _reference(table: str, columns: list[str], targets: list[str]) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{'_'.join(columns)}")
    return sa.ForeignKeyConstraint(columns, targets, name=name, initially="DEFERRED", deferrable=True)
