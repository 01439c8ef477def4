"""`flask migrate`: brings the database to the newest schema."""

import click
from flask.cli import with_appcontext

from models.migrate import upgrade
from service.cli.context import settings


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to the newest schema; harmless when it has it already."""
    known = settings()
    upgrade(known.database_owner_url or known.database_url)


COMMANDS = (migrate,)
