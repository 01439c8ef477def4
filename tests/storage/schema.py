"""Reads all that a database knows of its schema, in a form that two databases can be compared by."""

from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine.interfaces import ReflectedIndex

Schema = dict[str, dict[str, Any]]


def read_schema(connection: Connection) -> Schema:
    """Return each table with its columns, keys, constraints, indexes and triggers. Alembic's own table is left out."""
    tables = sorted(set(inspect(connection).get_table_names()) - {"alembic_version"})
    return {table: _table(connection, table) for table in tables}


def read_functions(connection: Connection) -> dict[str, str]:
    """Return the source of each function of ours; SQLite has none."""
    if connection.dialect.name == "sqlite":
        return {}
    query = "SELECT proname, prosrc FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
    return {str(row[0]): str(row[1]) for row in connection.execute(text(query))}


def _table(connection: Connection, table: str) -> dict[str, Any]:
    look = inspect(connection)
    return {
        "columns": {
            column["name"]: (str(column["type"]), column["nullable"], column["default"])
            for column in look.get_columns(table)
        },
        "primary_key": look.get_pk_constraint(table),
        "foreign_keys": sorted(look.get_foreign_keys(table), key=_name),
        "unique": sorted(look.get_unique_constraints(table), key=_name),
        "checks": sorted(look.get_check_constraints(table), key=_name),
        "indexes": sorted((_index(index) for index in look.get_indexes(table)), key=_name),
        "triggers": _triggers(connection, table),
    }


def _name(reflected: Any) -> str:
    return str(reflected["name"])


def _index(index: ReflectedIndex) -> dict[str, Any]:
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return {**index, "dialect_options": options}


def _triggers(connection: Connection, table: str) -> dict[str, str]:
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"
    else:
        query = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = to_regclass(:table)"
        query += " AND NOT tgisinternal"
    return {str(row[0]): str(row[1]) for row in connection.execute(text(query), {"table": table})}
