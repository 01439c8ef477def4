"""A clinic to back up, the commands on it, and a second, empty database of the same kind."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import Engine, select

from config import Settings
from models.base import Base
from models.engine import begin_reads, make_engine, make_session_factory
from tests.api.conftest import (  # noqa: F401
    anonymous,
    app,
    clinic,
    coordinator,
    foreign_clinic,
    foreign_staff,
    look,
    patient,
)
from tests.clock import FixedClock
from tests.cohort.test_commands import run_command
from tests.database import Databases, settings_for

BACKUP_KEY = bytes(range(64, 96))

Run = Callable[..., Result]
Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def settings(database_url: str, owner_url: str, tmp_path: Path) -> Settings:
    """Return settings for this test's database, with a key for its backups and a ledger of erasures."""
    told = {"backup_key": BACKUP_KEY, "erasure_ledger": str(tmp_path / "erasures.jsonl")}
    return settings_for(database_url, database_owner_url=owner_url, **told)


@pytest.fixture
def other_url(databases: Databases, database_kind: str) -> Iterator[str]:
    """Yield the URL of an empty machine's database."""
    with databases.prepared(database_kind) as url:
        yield url


@pytest.fixture
def other_owner_url(databases: Databases, other_url: str) -> str:
    """Return the URL of the empty machine's database for who looks into all of it."""
    return databases.owner_of(other_url)


@pytest.fixture
def other_settings(databases: Databases, other_url: str, tmp_path: Path) -> Settings:
    """Return settings for it, with the same keys and the same ledger."""
    told = {"backup_key": BACKUP_KEY, "erasure_ledger": str(tmp_path / "erasures.jsonl")}
    return settings_for(other_url, database_owner_url=databases.owner_of(other_url), **told)


@pytest.fixture
def run(settings: Settings, clock: FixedClock) -> Run:
    """Return what runs a command on the clinic's database."""
    return lambda *arguments: run_command(settings, clock, *arguments)


@pytest.fixture
def run_there(other_settings: Settings, clock: FixedClock) -> Run:
    """Return what runs a command on the empty machine."""
    return lambda *arguments: run_command(other_settings, clock, *arguments)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a backup is to be."""
    return tmp_path / "clinic.backup"


def rows_at(url: str) -> Rows:
    """Return every row of a database, by table."""
    engine = make_engine(url)
    try:
        return rows_of(engine)
    finally:
        engine.dispose()


def rows_of(engine: Engine) -> Rows:
    """Return every row of a database, by table."""
    with make_session_factory(engine)() as session:
        begin_reads(session, snapshot=True)
        return {
            table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }
