"""What PostgreSQL knows of its tables: after many rows came at once it knows nothing yet, and joins them blindly."""

from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from models.base import Base


def refresh_statistics(make_session: sessionmaker[Session]) -> None:
    """Have PostgreSQL count anew what its tables hold; SQLite needs none of it.

    Each table in a transaction of its own. One that is locked or takes too long is left to the database's own rounds.
    """
    for table in Base.metadata.sorted_tables:
        with suppress(DBAPIError), make_session.begin() as session:
            if session.get_bind().dialect.name != "postgresql":
                return
            session.execute(text(f"ANALYZE {table.name}"))


def join_as_written(session: Session) -> None:
    """Have PostgreSQL join tables in the order in which queries name them, to the end of the transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL join_collapse_limit = 1"))
