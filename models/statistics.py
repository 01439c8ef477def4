"""What PostgreSQL knows of its tables: after many rows came at once it knows nothing yet, and joins them blindly."""

from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection, MetaData, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from models.base import Base

_SETTINGS = {
    "join_collapse_limit": "1",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_BY_KEY = "; ".join(f"SET LOCAL {name} = {value}" for name, value in _SETTINGS.items())
_REFRESH: Final = "refresh_statistics"
_COUNT = text(f"SELECT {_REFRESH}(:table)")
# Only their owner may have tables counted, which the service's role is not. Nobody's own schema is looked into first.
_CREATE = f"""
    DO $do$ BEGIN EXECUTE format($fn$
      CREATE FUNCTION %I.{_REFRESH}(of_table text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
      SET search_path = pg_catalog, %I, pg_temp AS
      'BEGIN EXECUTE format(''ANALYZE %%I'', of_table); END'
    $fn$, current_schema(), current_schema()); END $do$
"""


def refresh_statistics(make_session: sessionmaker[Session]) -> None:
    """Have PostgreSQL count anew what its tables hold; SQLite needs none of it.

    Each table in a transaction of its own. One that is locked or takes too long is left to the database's own rounds.
    """
    for table in Base.metadata.sorted_tables:
        with suppress(DBAPIError), make_session.begin() as session:
            if session.get_bind().dialect.name != "postgresql":
                return
            session.execute(_COUNT, {"table": table.name})


def create_refresh(connection: Connection) -> None:
    """Create what `refresh_statistics` calls on PostgreSQL."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(_CREATE))


def drop_refresh(connection: Connection) -> None:
    """Drop it again."""
    connection.execute(text(f"DROP FUNCTION {_REFRESH}(text)"))


def look_up_by_key(session: Session) -> None:
    """Have PostgreSQL find rows by their keys, one by one, in the order in which queries name the tables.

    It holds to the end of the transaction, which is to touch few rows among many. Of a list of keys the database does
    not know how long it is, so it would rather read a whole table of some thousand rows for each batch.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(_BY_KEY, execution_options={"no_parameters": True})


@event.listens_for(Base.metadata, "after_create")
def _create_with_all(_metadata: MetaData, connection: Connection, **_: Any) -> None:
    create_refresh(connection)
