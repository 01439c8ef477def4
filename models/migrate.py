"""Brings a database to the newest schema. Plain Alembic; the URL is an argument.

A release works with its own schema. A later one may say that it serves earlier releases too, by its revision's name:
`0042_serves_0040` is for whoever knows 0040 or 0041. So an update need not stop what runs (docs/operations.md).
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from models.engine import make_engine

_MIGRATIONS = Path(__file__).parent / "migrations"
_NUMBERED = re.compile(r"(?P<number>\d{4})(_serves_(?P<oldest>\d{4}))?")
_LOCK_TIMEOUT = "2s"  # whoever waits for a table holds up all who come later


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database at `url` up to `revision`. On PostgreSQL use the owner's URL, not the application's.

    Raises OperationalError, and changes nothing, if somebody keeps a table for longer than others may wait.
    """
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str = "base") -> None:
    """Migrate the database at `url` down to `revision`, with the loss of what that revision cannot hold."""
    _run(url, lambda config: command.downgrade(config, revision))


def upgrade_within(connection: Connection) -> None:
    """Migrate the database to the newest schema in the connection's own transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def is_current(connection: Connection) -> bool:
    """Return whether the database has the newest schema."""
    return revision_of(connection) == _newest()


def is_fit(connection: Connection) -> bool:
    """Return whether this release may work with a database: it has the newest schema, or a later one that serves it."""
    revision, own = revision_of(connection), _newest()
    return revision == own or (revision is not None and own is not None and serves(revision, own))


def serves(revision: str, own: str) -> bool:
    """Return whether the schema `revision` says that it is later than `own`, and good for a release that knows that."""
    there, here = _NUMBERED.fullmatch(revision), _NUMBERED.fullmatch(own)
    if there is None or here is None or there["oldest"] is None:
        return False
    return bool(there["oldest"] <= here["number"] < there["number"])


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the database's schema, None if it has none."""
    return MigrationContext.configure(connection).get_current_revision()


def is_known(revision: str) -> bool:
    """Return whether this version of the service can migrate a database up from `revision`."""
    return revision in _revisions()


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


@cache
def _revisions() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _run(url: str, action: Callable[[Config], None]) -> None:
    engine = make_engine(url, unhurried=True)
    config = _config()
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            config.attributes["connection"] = connection
            action(config)
    finally:
        engine.dispose()
