"""What several migrations do alike: change a table's rules in place, and change rows without a new revision."""

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
    change_text(
        table,
        f"CONSTRAINT ck_{table}_{old[0]} CHECK ({_is_one_of(column, old[1])})",
        f"CONSTRAINT ck_{table}_{new[0]} CHECK ({_is_one_of(column, new[1])})",
    )


def change_text(table: str, old: str, new: str) -> None:
    """Put `new` in the place of `old` in what SQLite keeps of a table. What is stored must keep to it already.

    Raises LookupError if the table does not have `old`.
    """
    # Rules are text that SQLite reads from its schema table; this is its documented way to change them in place.
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :old, :new) "
            "WHERE type = 'table' AND name = :table AND instr(sql, :old) > 0"
        ),
        {"old": old, "new": new, "table": table},
    )
    if changed.rowcount != 1:
        raise LookupError(f"expected in the table {table}: {old}")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


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
