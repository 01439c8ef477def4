"""A SQLite database is a file of its owner alone, however open the umask of whoever makes it is."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from models.engine import make_engine


@pytest.fixture
def _open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_open_umask")
def test_a_new_database_and_its_log_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/clinic.sqlite3")

    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE a (b)"))
        modes = {place.name: stat.S_IMODE(place.stat().st_mode) for place in tmp_path.iterdir()}
    engine.dispose()

    assert modes == {f"clinic.sqlite3{end}": 0o600 for end in ("", "-wal", "-shm")}


def test_a_database_that_is_there_keeps_the_mode_that_its_operator_gave_it(tmp_path: Path) -> None:
    place = tmp_path / "clinic.sqlite3"
    place.touch()
    place.chmod(0o640)
    engine = make_engine(f"sqlite:///{place}")

    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE a (b)"))
    engine.dispose()

    assert stat.S_IMODE(place.stat().st_mode) == 0o640
