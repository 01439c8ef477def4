"""The roles script: the owner migrates, backs up and restores; the app reads and writes rows and no more."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from models.engine import make_engine
from tests.backup.conftest import BACKUP_KEY
from tests.clock import FixedClock
from tests.cohort.test_commands import run_command
from tests.database import Databases, settings_for

pytestmark = pytest.mark.postgresql_only


@dataclass(frozen=True)
class Roles:
    """A database with its two roles, as URLs."""

    owner: str
    app: str


@pytest.fixture
def roles(databases: Databases) -> Iterator[Roles]:
    """Yield the roles that the script made, in an empty database."""
    with databases.empty("postgresql") as url:
        yield Roles(databases.owner_of(url), url)


def test_the_owner_does_all_that_a_backup_needs_and_the_app_stays_shut_out_of_it(
    roles: Roles, clock: FixedClock, tmp_path: Path
) -> None:
    settings = settings_for(roles.app, database_owner_url=roles.owner, backup_key=BACKUP_KEY)
    file = tmp_path / "clinic.backup"
    clinic = ("--slug", "hudson", "--name", "H", "--country", "US", "--time-zone", "UTC", "--phone", "+12125550100")

    done = [
        run_command(settings, clock, *each)
        for each in (
            ("migrate",),
            ("practice", "create", *clinic),
            ("backup", file),
            ("backup", "verify", file),
            ("restore", "--replace", file),
            ("held", "list"),
        )
    ]

    assert [each.exit_code for each in done] == [0] * 6, [each.output for each in done]
    engine = make_engine(roles.app)
    with engine.connect() as connection:
        facts = connection.execute(
            text("SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = user")
        ).scalar_one()
        owned = connection.execute(text("SELECT count(*) FROM pg_tables WHERE tableowner = user")).scalar_one()
        connection.rollback()
        for statement in ("CREATE TABLE more (id integer)", "DROP TABLE practice", "TRUNCATE audit_entry"):
            with pytest.raises(ProgrammingError):
                connection.execute(text(statement))
            connection.rollback()
        assert connection.execute(text("SELECT slug FROM practice")).scalars().all() == ["hudson"]
    engine.dispose()
    assert (facts, owned) == (False, 0)
