"""The web entry point: `gunicorn wsgi:app`, `flask --app wsgi`."""

import gc
import sys

# What is imported stays, and to look through it for garbage again and again takes a tenth of the start.
gc.disable()

import click  # noqa: E402
from flask import Flask  # noqa: E402

from config import ConfigError, Settings  # noqa: E402
from service.app import create_app  # noqa: E402
from service.db import StaleSchemaError, UnboundRoleError  # noqa: E402

NOT_AGAIN = 3  # gunicorn starts a worker anew that ends with any other code


def _made() -> Flask:
    """Return the application, or end the program with one message: here nobody needs to see where it was found."""
    try:
        return create_app(Settings.from_env())
    except (ConfigError, StaleSchemaError, UnboundRoleError) as error:
        click.echo(error, err=True)
        sys.exit(1 if click.get_current_context(silent=True) else NOT_AGAIN)


app = _made()
gc.enable()
# What is there now stays: to look through it for garbage again and again would hold up one request in some.
gc.collect()
gc.freeze()
