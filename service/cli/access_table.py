"""`flask access-table`: who may call what, as `docs/access.md` has it. Needs no database."""

import click

from service.identity.access_table import write_access_table


@click.command("access-table")
def print_access_table() -> None:
    """Print for each route and role what is reached, in Markdown."""
    print(write_access_table(), end="")


COMMANDS = (print_access_table,)
