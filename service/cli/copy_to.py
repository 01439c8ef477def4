"""`flask copy-to`: moves a clinic from its SQLite file to PostgreSQL."""

import click
from flask.cli import with_appcontext
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from models.copy import CopyError, copy_database
from service.cli.context import fail, settings


@click.command("copy-to")
@click.argument("postgres_url")
@with_appcontext
def copy_to(postgres_url: str) -> None:
    """Copy every row to the empty PostgreSQL database POSTGRES_URL, and check that all arrived.

    Stop the service first. The password may come from PGPASSWORD or a password file instead of the address.
    """
    try:
        target = make_url(postgres_url)
        if target.get_backend_name() == "postgresql":
            target = target.set(drivername="postgresql+psycopg")
        copies = copy_database(settings().database_url, target.render_as_string(hide_password=False))
    except (ArgumentError, ValueError):
        fail("Expected an address such as postgresql://USER@HOST/NAME.")
    except CopyError as error:
        fail(f"Nothing was copied: {error}.")
    except DBAPIError as error:
        # The database's own words may hold a row, so only the kind of fault is told.
        fail(f"Nothing was copied: the database answered with {type(error.orig or error).__name__}.")
    for copy in copies:
        print(f"{copy.table:20} {copy.rows:>8} rows  checksum {copy.checksum[:16]}")
    print(
        f"Copied {sum(copy.rows for copy in copies)} rows. Set DATABASE_URL to the new address and start the service."
    )


COMMANDS = (copy_to,)
