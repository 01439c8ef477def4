"""Who migrates is killed within every migration: nothing is half done, and run again it goes through (O11)."""

import os
import signal
from collections.abc import Iterator
from itertools import pairwise

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, text

from models.engine import make_engine
from models.migrate import _config, revision_of, upgrade
from tests.database import Databases
from tests.forks import forks_with
from tests.storage.schema import read_functions, read_schema

_FORKS = forks_with(__name__)
# Where it dies: early on, and where all is done but the end of its transaction.
EARLY, LATE = "early", "late"
_EARLY_ON = 4
_PRACTICE = text(
    "INSERT INTO practice (id, slug, name, country, time_zone, phone, closed_on) "
    "VALUES ('old', 'old', 'Hudson', 'US', 'America/New_York', '+12125550142', '[]')"
)
_SQLITE_SCHEMA = "SELECT type, name, sql FROM sqlite_master ORDER BY name, type"
_POSTGRESQL_SCHEMA = """
    SELECT table_name, column_name, data_type || is_nullable
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT tablename, policyname, qual FROM pg_policies ORDER BY 1, 2, 3
"""


def _migrate_and_die(url: str, revision: str, where: str) -> None:
    """Run one migration in a process of its own, and be killed in it as by a power cut."""
    seen = 0

    def strike(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal seen
        seen += 1
        is_last = "alembic_version" in statement and not statement.startswith(("SELECT", "CREATE"))
        if is_last or (where == EARLY and seen > _EARLY_ON):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "after_cursor_execute", strike)
    upgrade(url, revision)


def _revisions() -> list[str]:
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [each.revision for each in scripts][::-1]


def _stands(engine: Engine) -> tuple[str | None, list[tuple[object, ...]]]:
    """Return the revision, and in short all that stands there."""
    with engine.connect() as connection:
        query = _SQLITE_SCHEMA if connection.dialect.name == "sqlite" else _POSTGRESQL_SCHEMA
        return revision_of(connection), [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def old(databases: Databases, database_kind: str) -> Iterator[tuple[str, Engine]]:
    """Yield a database of the first schema with a row in it: its owner's address, and an engine to look."""
    with databases.prepared(database_kind) as url:
        owner = databases.owner_of(url)
        upgrade(owner, _revisions()[0])
        engine = make_engine(owner)
        with engine.begin() as connection:
            connection.execute(_PRACTICE)
        yield owner, engine
        engine.dispose()


@pytest.mark.slow
def test_a_migration_that_is_killed_changes_nothing_and_goes_through_when_it_is_run_again(
    old: tuple[str, Engine], engine: Engine
) -> None:
    url, look = old

    for before, revision in pairwise(_revisions()):
        stood = _stands(look)
        for where in (EARLY, LATE):
            migrating = _FORKS.Process(target=_migrate_and_die, args=(url, revision, where))
            migrating.start()
            migrating.join(60)
            assert migrating.exitcode == -signal.SIGKILL, (revision, where)
            assert _stands(look) == stood, (revision, where)
            assert stood[0] == before
        upgrade(url, revision)

    with look.connect() as migrated, engine.connect() as expected:
        assert read_schema(migrated) == read_schema(expected)
        assert read_functions(migrated) == read_functions(expected)
        assert migrated.execute(text("SELECT name FROM practice")).scalars().all() == ["Hudson"]
