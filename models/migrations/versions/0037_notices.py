"""Notices to admins in the worker's book: somebody opened a patient outside of their caseload. And staff's language."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_text
from models.triggers import OF_REMINDER_OR_ALERT_ERASED, create_partial_guard, create_triggers, drop_guard

revision = "0037_serves_0036"
down_revision = "0036"
branch_labels = None
depends_on = None

INDEXED = {"delivery": ("practice_id", "access_id"), "decision": ("practice_id", "access_id", "id")}
OF_TWO = "(reminder_id IS NULL) <> (alert_id IS NULL)"
OF_THREE = (
    "CASE WHEN reminder_id IS NULL THEN 0 ELSE 1 END + CASE WHEN alert_id IS NULL THEN 0 ELSE 1 END "
    "+ CASE WHEN access_id IS NULL THEN 0 ELSE 1 END = 1"
)
SPOKEN = "CONSTRAINT ck_staff_language CHECK (language IN ('en', 'es'))"


def upgrade() -> None:
    op.execute(f"ALTER TABLE staff ADD COLUMN language VARCHAR(40) {SPOKEN}")
    for book, columns in INDEXED.items():
        op.execute(f"ALTER TABLE {book} ADD COLUMN access_id VARCHAR(64)")
        _admit_notices(book)
        is_of_access = sa.text("access_id IS NOT NULL")
        op.create_index(f"ix_{book}_access", book, columns, postgresql_where=is_of_access, sqlite_where=is_of_access)
    drop_guard(op.get_bind(), "decision")
    create_triggers(op.get_bind(), "decision")


def downgrade() -> None:
    drop_guard(op.get_bind(), "decision")
    for book in reversed(INDEXED):
        op.drop_index(f"ix_{book}_access", book)
        _forget_notices(book)
        op.execute(f"ALTER TABLE {book} DROP COLUMN access_id")
    create_partial_guard(op.get_bind(), "decision", OF_REMINDER_OR_ALERT_ERASED)
    if op.get_bind().dialect.name == "sqlite":
        change_text("staff", SPOKEN, "")
    op.execute("ALTER TABLE staff DROP COLUMN language")


def _admit_notices(book: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(f"ck_{book}_one_subject"), book, type_="check")
        op.create_check_constraint(op.f(f"ck_{book}_one_subject"), book, OF_THREE)
        op.create_foreign_key(
            op.f(f"fk_{book}_practice_id_access_id"),
            book,
            "emergency_access",
            ["practice_id", "access_id"],
            ["practice_id", "id"],
            initially="DEFERRED",
            deferrable=True,
        )
        return
    change_text(book, _rule(book, OF_TWO), f"{_rule(book, OF_THREE)}, {_key(book)}")


def _forget_notices(book: str) -> None:
    """Let the book be about reminders and alerts alone again, without what it told of notices."""
    if book == "delivery":
        notices = "SELECT id FROM delivery WHERE access_id IS NOT NULL AND practice_id = {}.practice_id"
        for table in ("receipt", "dead_address", "delivery_attempt"):
            op.execute(f"DELETE FROM {table} WHERE delivery_id IN ({notices.format(table)})")  # noqa: S608 - nobody's value
    op.execute(f"DELETE FROM {book} WHERE access_id IS NOT NULL")  # noqa: S608 - as above
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")
        op.drop_constraint(op.f(f"fk_{book}_practice_id_access_id"), book, type_="foreignkey")
        op.drop_constraint(op.f(f"ck_{book}_one_subject"), book, type_="check")
        op.create_check_constraint(op.f(f"ck_{book}_one_subject"), book, OF_TWO)
        op.execute("SET CONSTRAINTS ALL DEFERRED")
        return
    change_text(book, f"{_rule(book, OF_THREE)}, {_key(book)}", _rule(book, OF_TWO))


def _rule(book: str, rule: str) -> str:
    return f"CONSTRAINT ck_{book}_one_subject CHECK ({rule})"


def _key(book: str) -> str:
    return (
        f"CONSTRAINT fk_{book}_practice_id_access_id FOREIGN KEY(practice_id, access_id) "
        "REFERENCES emergency_access (practice_id, id) DEFERRABLE INITIALLY DEFERRED"
    )
