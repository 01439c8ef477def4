"""The triggers that guard synced and audit tables against writes that bypass the rules, on both databases.

`Base.metadata.create_all` makes them with the tables, migrations make them by `create_triggers`. A SQLite table rebuild
drops a table's triggers silently: a migration that rebuilds one calls `create_triggers` again.
"""

from typing import Any

from sqlalchemy import Connection, MetaData, Table, event, text

from models.base import Base, Synced
from models.panel import create_panel_triggers

APPEND_ONLY = ("alert_entry", "audit_entry", "audit_subject", "audit_seal", "decision", "former_version", "letter")

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


# Rows of a patient who was erased may go, a value may be sealed anew under the patient's own key, and rows of a record
# that was merged into another become the survivor's, with what they say under the survivor's key.
IS_ERASED = "SELECT 1 FROM erasure WHERE practice_id = OLD.practice_id AND patient_id = OLD.patient_id"
OF_REMINDER_ERASED = (
    "SELECT 1 FROM erasure JOIN reminder ON reminder.practice_id = erasure.practice_id "
    "AND reminder.patient_id = erasure.patient_id "
    "WHERE reminder.practice_id = OLD.practice_id AND reminder.id = OLD.reminder_id"
)
_OF_ALERT_ERASED = OF_REMINDER_ERASED.replace("reminder", "alert")
OF_REMINDER_OR_ALERT_ERASED = f"{OF_REMINDER_ERASED} UNION ALL {_OF_ALERT_ERASED}"
_OF_ACCESS_ERASED = OF_REMINDER_ERASED.replace("OLD.reminder_id", "OLD.access_id").replace(
    "reminder", "emergency_access"
)
_MAY_GO = {
    "former_version": IS_ERASED,
    "alert_entry": IS_ERASED,
    "letter": IS_ERASED,
    "decision": f"{OF_REMINDER_OR_ALERT_ERASED} UNION ALL {_OF_ACCESS_ERASED}",
}
NO_CHANGE = "1 = 0"
_STAYS = {
    "former_version": ("collection", "row_id", "replaced_at", "replaced_by"),
    "alert_entry": ("alert_id", "line", "made_at", "made_by", "about", "method", "is_reached"),
    "letter": (
        "episode_id", "release_id", "number", "language", "status", "status_on", "made_at", "made_by", "facts_digest",
        "pdf_digest",
    ),
}  # fmt: skip
_IS_MERGED = (
    "EXISTS (SELECT 1 FROM record_merge WHERE practice_id = OLD.practice_id "
    "AND absorbed_id = OLD.patient_id AND patient_id = NEW.patient_id)"
)
# Until records could be merged this was the one change.
RESEALED = (
    " AND ".join(
        f"NEW.{column} = OLD.{column}"
        for column in ("practice_id", "id", "patient_id", "collection", "row_id", "replaced_at")
    )
    + " AND coalesce(NEW.replaced_by, '') = coalesce(OLD.replaced_by, '') "
    "AND substr(OLD.content_sealed, 1, 1) = {one} AND substr(NEW.content_sealed, 1, 1) = {two}"
)
_BYTES = {"sqlite": {"one": "x'01'", "two": "x'02'"}, "postgresql": {"one": "'\\x01'::bytea", "two": "'\\x02'::bytea"}}


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
    elif table in _MAY_GO:
        create_partial_guard(connection, table, _MAY_GO[table], _may_change(table))
    elif table in APPEND_ONLY:
        create_full_guard(connection, table)


def create_full_guard(connection: Connection, table: str) -> None:
    """Create the triggers that refuse every change of a table."""
    _create(connection, table, "refuse_change")


def drop_guard(connection: Connection, table: str) -> None:
    """Drop the triggers of an append-only table."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"DROP TRIGGER {table}_refuse_change ON {table}"))
        return
    for operation in ("update", "delete"):
        connection.exec_driver_sql(f"DROP TRIGGER {table}_refuse_change_{operation}")


def create_partial_guard(connection: Connection, table: str, may_go: str, may_change: str = NO_CHANGE) -> None:
    """Create the triggers that refuse every change of a table but the few that may be. `may_go` finds what goes."""
    changes = may_change.format(**_BYTES[connection.dialect.name])
    allowed = {"UPDATE": changes, "DELETE": f"EXISTS ({may_go})"}
    if connection.dialect.name == "postgresql":
        tests = f"IF TG_OP = 'UPDATE' THEN IF {allowed['UPDATE']} THEN RETURN NEW; END IF; "
        tests += f"ELSIF {allowed['DELETE']} THEN RETURN OLD; END IF; "
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION guard_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {tests} RAISE EXCEPTION '{table} is append-only'; END $$"
        )
        connection.execute(
            text(
                f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION guard_{table}()"
            )
        )
        return
    for operation, test in allowed.items():
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_refuse_change_{operation.lower()} BEFORE {operation} ON {table} "
            f"WHEN NOT ({test}) BEGIN SELECT RAISE(ABORT, 'refuse_change on {table}'); END"
        )


def _may_change(table: str) -> str:
    """Return the condition of a change that may be."""
    if table not in _STAYS:
        return NO_CHANGE
    same = (
        f"coalesce(CAST(NEW.{column} AS TEXT), '') = coalesce(CAST(OLD.{column} AS TEXT), '')"
        for column in ("practice_id", "id", *_STAYS[table])
    )
    merged = " AND ".join((*same, _IS_MERGED))
    return f"({RESEALED}) OR ({merged})" if table == "former_version" else merged


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
