"""SQLite gives a turn to whoever asks at the right moment: a backup waits for its own, for a bounded time."""

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import engine as engines
from service.backup import sqlite as copies
from service.backup.errors import BackupError
from tests import builders
from tests.backup.conftest import Run

pytestmark = pytest.mark.sqlite_only
# Writes without a pause, as an import does, and as safely as the service: each commit is on the disk.
WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("PRAGMA synchronous=FULL")
number = 0
while True:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE practice SET name = 'Clinic ' || ?", (number,))
    connection.execute("COMMIT")
    number += 1
    if number == 1:
        print(flush=True)
"""


@pytest.fixture
def path(session: Session, engine: Engine) -> Path:
    """Return the file of a clinic's database."""
    builders.practice(session)
    session.commit()
    session.close()
    return Path(str(engine.url.database))


@contextlib.contextmanager
def writing_without_a_pause(path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process that does."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"\n"
            yield writer
            assert writer.poll() is None
        finally:
            writer.kill()


def test_beside_a_writer_that_never_pauses_backups_are_made(path: Path, run: Run, run_there: Run, file: Path) -> None:
    with writing_without_a_pause(path):
        made = [run("backup", file.with_name(f"{number}.backup")) for number in range(5)]

    assert [each.exit_code for each in made] == [0] * 5, made
    assert run_there("backup", "verify", file.with_name("4.backup")).exit_code == 0


def test_a_backup_that_gets_no_turn_says_so_and_leaves_nothing(
    path: Path, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "UNHURRIED_TRIES", 10)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        refused = run("backup", file)

    told = "Error: Nothing was changed: expected a turn to write, got a database that others wrote to for a minute.\n"
    assert (refused.exit_code, refused.output) == (1, told)
    assert list(file.parent.glob("*.backup*")) == []


def test_a_database_that_nobody_may_read_is_given_up_in_a_bounded_time(
    path: Path, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_WAIT_SECONDS", 0.1)
    engine.dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as keeper:
        keeper.execute("PRAGMA locking_mode=EXCLUSIVE")
        keeper.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BackupError, match="somebody has locked"):
            copies.copy_out(path, tmp_path / "copy")
