"""The roles script: the owner migrates, backs up and restores; the app reads and writes rows and no more."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from models.engine import make_engine, make_session_factory
from models.isolation import through_doors
from service.backup.places import connected
from service.backup.server import count_others
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
    with databases.prepared("postgresql") as url:
        yield Roles(databases.owner_of(url), url)


def test_the_owner_does_all_that_a_backup_needs_and_the_app_stays_shut_out_of_it(
    roles: Roles, clock: FixedClock, tmp_path: Path
) -> None:
    told = {"backup_key": BACKUP_KEY, "erasure_ledger": str(tmp_path / "erasures.jsonl")}
    settings = settings_for(roles.app, database_owner_url=roles.owner, **told)
    of_the_service = settings_for(roles.app, **told)
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
            ("restored",),
            ("privacy", "reapply"),
            ("keys", "status"),
            ("keys", "rotate"),
            ("keys", "reseal"),
            ("held", "list"),
        )
    ]
    done += [run_command(of_the_service, clock, "held", *each) for each in (("list",), ("release", "--all"))]

    assert [each.exit_code for each in done] == [0] * len(done), [each.output for each in done]
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
    with make_session_factory(engine)() as session, through_doors(session):
        assert session.execute(text("SELECT slug FROM practice")).scalars().all() == ["hudson"]
    engine.dispose()
    assert (facts, owned) == (False, 0)


def test_a_role_that_sees_a_part_neither_backs_up_nor_restores(roles: Roles, clock: FixedClock, tmp_path: Path) -> None:
    run_command(settings_for(roles.owner), clock, "migrate")
    settings, file = settings_for(roles.app, backup_key=BACKUP_KEY), tmp_path / "clinic.backup"

    refused = [
        run_command(settings, clock, *each)
        for each in (("backup", file), ("backup", "verify", file), ("restore", "--replace", file), ("restored",))
    ]

    assert [each.exit_code for each in refused] == [1] * 4
    why = "expected DATABASE_OWNER_URL with a role that may bypass row security, got one that it binds"
    assert {each.stderr for each in refused} == {f"Error: Nothing was changed: {why}.\n"}
    assert not file.exists()


def test_a_role_that_may_not_look_into_others_sessions_counts_them(roles: Roles) -> None:
    with connected(roles.app) as connection:
        alone = count_others(connection)
        connection.rollback()  # a transaction sees who was there at its first look
        with connected(roles.owner):
            with_another = count_others(connection)

    assert (alone, with_another) == (0, 1)
