"""The triggers that guard synced and audit tables against writes that bypass the rules, on both databases.

`Base.metadata.create_all` makes them with the tables, migrations make them by `create_triggers`. A SQLite table rebuild
drops a table's triggers silently: a migration that rebuilds one calls `create_triggers` again.
"""

from typing import Any

from sqlalchemy import Connection, MetaData, Table, event, text

from models.base import Base, Synced
from models.panel import create_panel_triggers

APPEND_ONLY = ("alert_entry", "audit_entry", "audit_subject", "audit_seal", "decision", "former_version")

_POSTGRESQL_FUNCTIONS = (
    """CREATE OR REPLACE FUNCTION refuse_unstamped() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME; END IF;
      IF NEW.rev <= OLD.rev THEN RAISE EXCEPTION 'revision of % did not advance', TG_TABLE_NAME; END IF;
      RETURN NEW;
    END $$""",
    """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$""",
)


def synced_tables() -> list[str]:
    """Return the names of the tables that carry a revision."""
    return sorted(
        mapper.local_table.name
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, Synced) and isinstance(mapper.local_table, Table)
    )


def create_triggers(connection: Connection, table: str) -> None:
    """Create the triggers of one table, if it has any."""
    if table in synced_tables():
        _create(connection, table, "refuse_unstamped")
    elif table in APPEND_ONLY:
        _create(connection, table, "refuse_change")


def _create(connection: Connection, table: str, function: str) -> None:
    if connection.dialect.name == "postgresql":
        for statement in _POSTGRESQL_FUNCTIONS:
            connection.execute(text(statement))
        connection.execute(
            text(
                f"CREATE TRIGGER {table}_{function} BEFORE UPDATE OR DELETE ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION {function}()"
            )
        )
        return
    stale = "WHEN NEW.rev <= OLD.rev " if function == "refuse_unstamped" else ""
    for operation, condition in (("UPDATE", stale), ("DELETE", "")):
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_{function}_{operation.lower()} BEFORE {operation} ON {table} {condition}"
            f"BEGIN SELECT RAISE(ABORT, '{function} on {table}'); END"
        )


@event.listens_for(Table, "after_create")
def _create_with_table(table: Table, connection: Connection, **_: Any) -> None:
    if table.metadata is Base.metadata:
        create_triggers(connection, table.name)


@event.listens_for(Base.metadata, "after_create")
def _create_with_all(_metadata: MetaData, connection: Connection, **_: Any) -> None:
    create_panel_triggers(connection)
