"""Brings a database to the newest schema. Plain Alembic; the URL is an argument."""

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


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database at `url` up to `revision`. On PostgreSQL use the owner's URL, not the application's."""
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
            config.attributes["connection"] = connection
            action(config)
    finally:
        engine.dispose()
