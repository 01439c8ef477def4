"""`flask sync-schema`: the schema of what is synchronised, to be pasted into an app. Needs no database."""

import click

from service.sync.collections import OLDEST_VERSION, SCHEMA_VERSION
from service.sync.schemas import RENDER


@click.command("sync-schema")
@click.argument("client", type=click.Choice(tuple(RENDER)))
@click.option(
    "--version",
    type=click.IntRange(OLDEST_VERSION, SCHEMA_VERSION),
    default=SCHEMA_VERSION,
    show_default=True,
    help="The schema version that the app is built for.",
)
def print_schema(client: str, version: int) -> None:
    """Print the schema for WatermelonDB, RxDB or PowerSync as a JavaScript module, or for any other client as JSON."""
    print(RENDER[client](version), end="")


COMMANDS = (print_schema,)
