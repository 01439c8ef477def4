"""What a restore asks of a PostgreSQL server: what stands in the way, who is connected, a database to try things in."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, create_engine, inspect, text

from models.base import Base
from service.backup.errors import BackupError
from service.backup.manifest import VERSION_TABLE, Manifest

# A restored database has no schema version until its after-care is done: no web process and no worker takes it up.
HIDDEN_VERSION_TABLE = "alembic_version_restored"
_VERSION_STEPS = 10_000
_TABLES = text(
    "SELECT format('DROP TABLE %I.%I CASCADE;', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
)
_FUNCTIONS = text(
    "SELECT format('DROP FUNCTION %s CASCADE;', oid::regprocedure) FROM pg_proc "
    "WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' "
    "AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
)
# Of another role's session the server tells only that it is there. Its own processes work as no role.
_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND usesysid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'"
)


def version_of(connection: Connection) -> int:
    """Return the server's major version."""
    number: str = connection.execute(text("SHOW server_version_num")).scalar_one()
    return int(number) // _VERSION_STEPS


def count_others(connection: Connection) -> int:
    """Return how many other sessions the database has."""
    return int(connection.execute(_OTHERS).scalar_one())


def clearing_statements(connection: Connection) -> str:
    """Return what empties the database of all that is ours. Raises BackupError if it holds tables that are not."""
    strange = set(inspect(connection).get_table_names()) - set(Base.metadata.tables)
    strange -= {VERSION_TABLE, HIDDEN_VERSION_TABLE}
    if strange:
        raise BackupError(f"expected a database of this service alone, got the tables {', '.join(sorted(strange))}")
    return "\n".join([*connection.scalars(_TABLES), *connection.scalars(_FUNCTIONS)])


def closing_statements(manifest: Manifest) -> str:
    """Return what ends a load: it fails unless every row came, and leaves the schema version hidden."""
    checks = " ".join(
        f"IF (SELECT count(*) FROM public.\"{name}\") <> {rows} THEN RAISE EXCEPTION '{name}'; END IF;"  # noqa: S608 - a sealed manifest's
        for name, rows in sorted(manifest.rows.items())
    )
    hide = f"ALTER TABLE public.{VERSION_TABLE} RENAME TO {HIDDEN_VERSION_TABLE};"
    return f"DO $$ BEGIN {checks} END $$;\nANALYZE;\n{hide}"


def is_unfinished(connection: Connection) -> bool:
    """Return whether a restore was loaded and its after-care is not done."""
    return inspect(connection).has_table(HIDDEN_VERSION_TABLE)


def show_version(connection: Connection) -> None:
    """Give a loaded database its schema version back, in the transaction of its after-care."""
    if is_unfinished(connection):
        connection.execute(text(f"ALTER TABLE {HIDDEN_VERSION_TABLE} RENAME TO {VERSION_TABLE}"))


@contextmanager
def throwaway_database(url: URL) -> Iterator[URL]:
    """Yield the address of a new database on the same server, which goes afterwards. The role must be let make one."""
    name = f"recovery_verify_{secrets.token_hex(4)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        try:
            yield url.set(database=name)
        finally:
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()
