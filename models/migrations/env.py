"""Runs the migrations. The database comes as `config.attributes["connection"]`, never from a file."""

from alembic import context
from sqlalchemy import Connection

import models
from models.row_security import unforced
from models.sqlite_statistics import fix_statistics


def run(connection: Connection) -> None:
    """Run the migrations that were asked for on `connection`, in its transaction."""
    context.configure(
        connection=connection,
        target_metadata=models.Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction(), unforced(connection):
        context.run_migrations()
        fix_statistics(connection)


run(context.config.attributes["connection"])
