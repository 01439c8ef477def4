"""`flask migrate`: brings the database to the newest schema."""

import time

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import OperationalError

from models.migrate import upgrade
from service.backup.places import connected
from service.backup.server import is_unfinished
from service.cli.context import fail, refuse_later_schema, settings

_TRIES = 20
_IN_USE = ("55P03", "40P01")  # PostgreSQL: a lock that was not given in time, a deadlock


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to the newest schema; harmless when it has it already."""
    known = settings()
    url = known.database_owner_url or known.database_url
    with connected(url) as connection:
        unfinished = is_unfinished(connection)
        refuse_later_schema(connection)
    if unfinished:
        fail("A restore was interrupted. Run: flask --app wsgi restored")
    _upgrade_in_a_gap(url)


def _upgrade_in_a_gap(url: str) -> None:
    """Migrate between what others do: whoever waits for a table that they use holds up all who come later."""
    for left in reversed(range(_TRIES)):
        try:
            upgrade(url)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_USE:
                raise
            if left == 0:
                fail("Nothing was changed: others kept tables for longer than they may wait themselves. Run it again.")
            time.sleep(1)  # in which those go on who were held up
        else:
            return


COMMANDS = (migrate,)
