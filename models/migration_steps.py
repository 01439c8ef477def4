"""What several migrations do alike: change a closed list in place, and change rows without a new revision."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

from models.triggers import create_triggers


def change_words(table: str, column: str, old: tuple[str, tuple[str, ...]], new: tuple[str, tuple[str, ...]]) -> None:
    """Put the check of a closed list in the place of another."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(f"ck_{table}_{old[0]}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{new[0]}"), table, _is_one_of(column, new[1]))
        return
    # A check is text that SQLite reads from its schema table; this is its documented way to change one in place.
    version = op.get_bind().exec_driver_sql("PRAGMA schema_version").scalar_one()
    op.get_bind().exec_driver_sql("PRAGMA writable_schema = ON")
    op.get_bind().execute(
        sa.text("UPDATE sqlite_master SET sql = replace(sql, :old, :new) WHERE type = 'table' AND name = :table"),
        {
            "old": f"CONSTRAINT ck_{table}_{old[0]} CHECK ({_is_one_of(column, old[1])})",
            "new": f"CONSTRAINT ck_{table}_{new[0]} CHECK ({_is_one_of(column, new[1])})",
            "table": table,
        },
    )
    op.get_bind().exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    op.get_bind().exec_driver_sql("PRAGMA writable_schema = OFF")


def _is_one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


@contextmanager
def unguarded(table: str) -> Iterator[None]:
    """Let rows of a synced table be changed without a new revision: nothing that a device shows changes."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    for operation in ("update", "delete"):
        op.execute(f"DROP TRIGGER {table}_refuse_unstamped_{operation}")
    yield
    create_triggers(connection, table)
