"""O02: what cannot or must not be restored is refused in one line, and what was there is as it was."""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from config import Settings
from models.watch import WorkerHeartbeat
from service.backup.sealed_file import FORMAT
from tests import builders
from tests.backup.conftest import BACKUP_KEY, Rows, Run, rows_at
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.cohort.test_commands import run_command
from tests.database import Databases, settings_for

Damage = Callable[[Path], None]


@pytest.fixture
def rows(session: Session, engine: Engine, owner_url: str) -> Rows:
    """Return what the clinic's database holds, which nobody has open."""
    practice = builders.practice(session)
    builders.due_delivery(session, practice)
    session.commit()
    session.close()
    engine.dispose()
    return rows_at(owner_url)


@pytest.fixture
def backup(rows: Rows, run: Run, file: Path) -> Path:
    """Return a backup of it."""
    made = run("backup", file)
    assert made.exit_code == 0, made.output
    return file


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def flip_at(place: int) -> Damage:
    def flip(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[place] ^= 1
        file.write_bytes(content)

    return flip


def change_version(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:16] + bytes([FORMAT + 1]) + content[17:])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def told(result: Result) -> str:
    """Return the one line of a refusal."""
    assert result.exit_code == 1, result.output
    assert not isinstance(result.exception, Exception), result.exception
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.stderr


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param(cut_off, "changed or cut off", id="cut off"),
        pytest.param(flip_at(-1), "changed or cut off", id="a bit of its end"),
        pytest.param(flip_at(50), "changed or cut off", id="a bit of its manifest"),
        pytest.param(flip_at(5_000), "changed or cut off", id="a bit of its middle"),
        pytest.param(change_version, f"got format {FORMAT + 1}", id="another version"),
        pytest.param(empty, "another file", id="an empty file"),
        pytest.param(Path.unlink, "FileNotFoundError", id="no file"),
    ],
)
def test_a_backup_that_is_not_whole_is_refused(
    backup: Path, run: Run, owner_url: str, damage: Damage, expected: str
) -> None:
    before = rows_at(owner_url)
    damage(backup)

    results = [run("restore", "--replace", backup), run("backup", "verify", backup)]

    assert all(expected in told(each) for each in results), [each.stderr for each in results]
    assert rows_at(owner_url) == before


@pytest.mark.sqlite_only
def test_a_refusal_leaves_not_even_a_byte_changed(backup: Path, run: Run, owner_url: str) -> None:
    place = Path(owner_url.removeprefix("sqlite:///"))
    before = {each.name: hashlib.sha256(each.read_bytes()).digest() for each in place.parent.iterdir()}
    cut_off(backup)

    refused = [run("restore", "--replace", backup), run("restore", backup)]

    assert [each.exit_code for each in refused] == [1, 1]
    assert {each.name: hashlib.sha256(each.read_bytes()).digest() for each in place.parent.iterdir()} == before


def test_another_key_and_none_are_refused(backup: Path, settings: Settings, clock: FixedClock, owner_url: str) -> None:
    before = rows_at(owner_url)
    others = [replace(settings, backup_key=key) for key in (bytes(32), None)]

    refused = [run_command(each, clock, "restore", "--replace", backup) for each in others]

    assert "made with another key" in told(refused[0])
    assert "expected BACKUP_KEY or BACKUP_KEY_FILE to be set" in told(refused[1])
    assert rows_at(owner_url) == before


def test_a_backup_of_a_newer_service_is_refused(
    rows: Rows, engine: Engine, run: Run, run_there: Run, other_url: str, file: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    made, restored = run("backup", file), run_there("restore", file)

    assert made.exit_code == 0
    assert "got schema 9999" in told(restored)


def test_a_backup_of_the_other_kind_of_database_is_refused(
    backup: Path, databases: Databases, clock: FixedClock, database_kind: str
) -> None:
    other = "postgresql" if database_kind == "sqlite" else "sqlite"
    with databases.prepared(other) as url:
        settings = settings_for(url, database_owner_url=databases.owner_of(url), backup_key=BACKUP_KEY)
        refused = run_command(settings, clock, "restore", backup)

    assert f"expected a backup of a {other} database, got one of {database_kind}" in told(refused)


def test_rows_are_let_go_only_when_that_is_said(backup: Path, run: Run, owner_url: str) -> None:
    before = rows_at(owner_url)

    refused = run("restore", backup)

    assert "--replace lets them go" in told(refused)
    assert rows_at(owner_url) == before


def test_a_worker_that_ticks_stands_in_the_way_unless_forced(
    backup: Path, session: Session, engine: Engine, run: Run
) -> None:
    session.add(WorkerHeartbeat(worker_id="w", started_at=MONDAY_AFTERNOON, ticked_at=MONDAY_AFTERNOON))
    session.commit()
    session.close()
    engine.dispose()

    refused, forced = run("restore", "--replace", backup), run("restore", "--replace", "--force", backup)

    assert "got 1 workers that ticked lately" in told(refused)
    assert forced.exit_code == 0, forced.output


def test_a_worker_that_died_long_ago_does_not(backup: Path, session: Session, engine: Engine, run: Run) -> None:
    long_ago = MONDAY_AFTERNOON - timedelta(minutes=5)
    session.add(WorkerHeartbeat(worker_id="w", started_at=long_ago, ticked_at=long_ago))
    session.commit()
    session.close()
    engine.dispose()

    restored = run("restore", "--replace", backup)

    assert restored.exit_code == 0, restored.output


def test_whoever_has_the_database_open_stands_in_the_way(
    backup: Path, engine: Engine, run: Run, owner_url: str
) -> None:
    with engine.connect().execution_options(reads=True) as connection:
        connection.execute(text("SELECT 1 FROM practice"))
        connection.rollback()
        refused = run("restore", "--replace", backup)
    engine.dispose()

    assert "stop web and worker" in told(refused)
    assert run("restore", "--replace", backup).exit_code == 0


@pytest.mark.sqlite_only
def test_not_even_by_force_is_a_file_replaced_that_somebody_has_open(
    backup: Path, engine: Engine, run: Run, owner_url: str
) -> None:
    before = rows_at(owner_url)
    with engine.connect().execution_options(reads=True) as connection:
        connection.execute(text("SELECT 1 FROM practice"))
        connection.rollback()

        refused = run("restore", "--replace", "--force", backup)

    assert "that nobody has open" in told(refused)
    assert rows_at(owner_url) == before


@pytest.mark.sqlite_only
@pytest.mark.parametrize("damaged", ["its head", "its middle", "everything"])
def test_a_damaged_file_is_what_a_restore_is_for(backup: Path, run: Run, owner_url: str, damaged: str) -> None:
    place = Path(owner_url.removeprefix("sqlite:///"))
    before, content = rows_at(owner_url), bytearray(place.read_bytes())
    reach = {"its head": slice(0, 100), "its middle": slice(4096, 40_960), "everything": slice(0, None)}[damaged]
    content[reach] = b"\xa5" * len(content[reach])
    place.write_bytes(content)
    Path(f"{place}-wal").write_bytes(b"left over from the time before")

    refused, restored = run("restore", backup), run("restore", "--replace", backup)

    told(refused)
    assert restored.exit_code == 0, restored.output
    assert {name: len(rows) for name, rows in rows_at(owner_url).items() if name == "patient"} == {
        "patient": len(before["patient"])
    }
    (kept,) = (each for each in place.parent.glob("*.before-restore-*") if "-wal" not in each.name)
    assert kept.read_bytes()[100:] == content[100:]  # in its head stands how its log is kept
    with contextlib.closing(sqlite3.connect(place)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_database_that_is_not_ours_is_neither_backed_up_nor_replaced(
    backup: Path, engine: Engine, run: Run, run_there: Run, file: Path, other_url: str
) -> None:
    refused = run_there("backup", file.with_name("none.backup"))

    assert "expected a database of this service, got one without a schema version" in told(refused)
    assert not file.with_name("none.backup").exists()


@pytest.mark.postgresql_only
def test_tables_that_are_not_ours_stand_in_the_way(backup: Path, engine: Engine, run: Run, owner_url: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE somebody_elses (id integer)"))
    engine.dispose()

    refused = run("restore", "--replace", backup)

    assert "got the tables somebody_elses" in told(refused)


@pytest.mark.postgresql_only
def test_a_missing_and_an_old_program_are_named(
    rows: Rows, run: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    missing = run("backup", file)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    old.chmod(0o755)
    too_old = run("backup", file)

    assert "expected the program pg_dump (postgresql-client), got none" in told(missing)
    assert "or newer, as the server is, got 9" in told(too_old)
    assert not file.exists()
