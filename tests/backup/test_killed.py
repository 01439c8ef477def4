"""A backup or a restore that is killed anywhere leaves the old data whole, and does not stand in the next one's way."""

from base64 import b64encode
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from config import Settings, environment_with
from models.engine import make_engine
from service.app import create_app
from service.backup.places import connected
from service.backup.server import count_others, is_unfinished
from service.db import StaleSchemaError
from tests import builders
from tests.backup import killed_command
from tests.backup.conftest import BACKUP_KEY, Rows, Run, rows_at
from tests.clock import FixedClock
from tests.e2e.clinic_at import environment_of
from tests.worker.rows import wait_until

pytestmark = pytest.mark.slow
RESTORE = "service.cli.restore"


@pytest.fixture
def rows(session: Session, engine: Engine, owner_url: str) -> Rows:
    """Return what the clinic's database holds, which nobody has open."""
    builders.due_delivery(session, builders.practice(session))
    session.commit()
    session.close()
    engine.dispose()
    return rows_at(owner_url)


@pytest.fixture
def changed(rows: Rows, run: Run, file: Path, owner_url: str) -> Rows:
    """Return what the database holds after a backup was made and something was written since."""
    made = run("backup", file)
    assert made.exit_code == 0, made.output
    engine = make_engine(owner_url)
    with Session(engine) as session:
        builders.practice(session)
        session.commit()
    engine.dispose()
    return rows_at(owner_url)


def die_at(settings: Settings, point: str, *arguments: object) -> None:
    """Run a command as a process of its own, which is killed at a point, and wait until all of it is gone."""
    keys = {"BACKUP_KEY": b64encode(BACKUP_KEY).decode(), "LOG_LEVEL": "ERROR"}
    environment = environment_with(environment_of(settings) | keys)
    killed_command.die_at(point, environment, *map(str, arguments))
    if settings.database_url.startswith("postgresql"):
        wait_until(lambda: _sessions(settings.database_url) == 0)


def _sessions(url: str) -> int:
    with connected(url) as connection:
        return count_others(connection)


@pytest.mark.parametrize(
    "point",
    [
        "service.backup.sealed_file._nonce:after",
        "service.backup.sealed_file.sync_folder:before",
    ],
)
def test_a_backup_that_is_killed_is_no_backup_and_the_next_one_is(
    rows: Rows, run: Run, settings: Settings, file: Path, owner_url: str, point: str
) -> None:
    die_at(settings, point, "backup", file)
    is_there = file.exists()

    again = run("backup", file.with_name("next.backup"))
    verified = run("backup", "verify", file.with_name("next.backup"))

    assert is_there == (point == "service.backup.sealed_file.sync_folder:before")
    assert (again.exit_code, verified.exit_code) == (0, 0), again.output + verified.output
    kept = rows_at(owner_url)
    assert {name: kept[name] for name in kept if not name.startswith("audit_")} == {
        name: rows[name] for name in rows if not name.startswith("audit_")
    }


SQLITE_POINTS = (
    f"{RESTORE}.unpack_sqlite:after",
    f"{RESTORE}.take_care:after",
    "pathlib.Path.hardlink_to:after",
    "pathlib.Path.replace:before",
)
POSTGRESQL_POINTS = (
    f"{RESTORE}.read_whole:after",
    "service.backup.postgresql.Programs._unpack:after",
)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("point", SQLITE_POINTS)
def test_a_restore_into_sqlite_that_is_killed_leaves_the_old_data_whole(
    changed: Rows, run: Run, settings: Settings, file: Path, owner_url: str, point: str
) -> None:
    die_at(settings, point, "restore", "--replace", file)
    left = rows_at(owner_url)

    again = run("restore", "--replace", file)

    assert left == changed
    assert again.exit_code == 0, again.output
    assert len(rows_at(owner_url)["practice"]) == len(changed["practice"]) - 1


@pytest.mark.sqlite_only
def test_a_restore_into_sqlite_that_is_killed_at_its_last_step_is_done(
    changed: Rows, settings: Settings, file: Path, owner_url: str
) -> None:
    die_at(settings, "pathlib.Path.replace:after", "restore", "--replace", file)

    left = rows_at(owner_url)

    assert len(left["practice"]) == len(changed["practice"]) - 1
    assert [row for row in left["audit_entry"] if "flask restore" in row]


@pytest.mark.postgresql_only
@pytest.mark.parametrize("point", POSTGRESQL_POINTS)
def test_a_restore_into_postgresql_that_is_killed_leaves_the_old_data_whole(
    changed: Rows, run: Run, settings: Settings, file: Path, owner_url: str, point: str
) -> None:
    die_at(settings, point, "restore", "--replace", file)
    left = rows_at(owner_url)

    again = run("restore", "--replace", file)

    assert left == changed
    assert again.exit_code == 0, again.output
    assert len(rows_at(owner_url)["practice"]) == len(changed["practice"]) - 1


@pytest.mark.postgresql_only
def test_what_was_loaded_and_not_taken_care_of_is_served_to_nobody(
    changed: Rows, run: Run, settings: Settings, clock: FixedClock, file: Path, owner_url: str
) -> None:
    die_at(settings, f"{RESTORE}.take_care:after", "restore", "--replace", file)

    with pytest.raises(StaleSchemaError):
        create_app(settings, clock)
    migrated = run("migrate")
    with connected(owner_url) as connection:
        was_unfinished = is_unfinished(connection)
    finished = run("restored")

    assert "Run: flask --app wsgi restored" in migrated.stderr
    assert was_unfinished
    assert finished.exit_code == 0, finished.output
    assert len(rows_at(owner_url)["practice"]) == len(changed["practice"]) - 1
    with connected(owner_url) as connection:
        states = connection.execute(text("SELECT state FROM delivery")).scalars().all()
    assert states == ["held"]
