"""`flask migrate`: brings the database to the newest schema."""

import click
from flask.cli import with_appcontext

from models.migrate import upgrade
from service.backup.places import connected
from service.backup.server import is_unfinished
from service.cli.context import fail, settings


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to the newest schema; harmless when it has it already."""
    known = settings()
    url = known.database_owner_url or known.database_url
    with connected(url) as connection:
        unfinished = is_unfinished(connection)
    if unfinished:
        fail("A restore was interrupted. Run: flask --app wsgi restored")
    upgrade(url)


COMMANDS = (migrate,)
