"""The owner of the database, whom no trigger and no foreign key of the audit trail stops."""

from typing import Any

from sqlalchemy import Connection, text

TABLES = ("audit_entry", "audit_subject", "audit_seal")


class Owner:
    """Takes the guards away and writes what it likes. Its connection is of no use afterwards."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.practice_id = ""
        if connection.dialect.name == "sqlite":
            # By the driver: within a transaction it would change nothing.
            driver: Any = connection.connection.dbapi_connection
            driver.execute("PRAGMA foreign_keys=OFF")
        for table in TABLES:
            self._free(table)

    def _free(self, table: str) -> None:
        if self._connection.dialect.name == "sqlite":
            for operation in ("update", "delete"):
                self._connection.exec_driver_sql(f"DROP TRIGGER {table}_refuse_change_{operation}")
            return
        self._connection.exec_driver_sql(f"DROP TRIGGER {table}_refuse_change ON {table}")
        query = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = to_regclass(%s)"
        for (name,) in self._connection.exec_driver_sql(query, (table,)).all():
            self._connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")

    def does(self, statement: str, **values: Any) -> None:
        """Do it in one clinic."""
        where = {"practice": self.practice_id} if ":practice" in statement else {}
        done = self._connection.execute(text(statement), where | values)
        assert done.rowcount > 0
