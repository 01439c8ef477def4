"""O01: a backup that is made while others write holds what was committed at one moment, all of it and no more."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from models.engine import make_engine
from models.watch import DecisionTally, WorkerHeartbeat
from tests import builders
from tests.backup.conftest import Run
from tests.clock import MONDAY_AFTERNOON

BEFORE = 40


class Writer:
    """Commits pairs of rows, numbered, one transaction after the other."""

    def __init__(self, engine: Engine, practice_id: str) -> None:
        self._engine, self._practice_id = engine, practice_id
        self._ends = threading.Event()
        self.committed = 0

    def write(self) -> None:
        number = self.committed + 1
        at = MONDAY_AFTERNOON - timedelta(days=1)
        beat = {"worker_id": f"{number:06}", "started_at": at, "ticked_at": at, "stopped_at": at}
        tally = {"practice_id": self._practice_id, "kind": f"{number:06}", "reason": "", "channel": "", "count": 1}
        with self._engine.begin() as connection:
            connection.execute(insert(WorkerHeartbeat).values(beat))
            connection.execute(insert(DecisionTally).values(tally))
        self.committed = number

    def run(self) -> None:
        while not self._ends.wait(0.002):
            self.write()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Write on in the background."""
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._ends.set()
            thread.join()


@pytest.fixture
def writer(session: Session, engine: Engine) -> Writer:
    """Return a writer that has committed something already, of which much stands in SQLite's log alone."""
    practice = builders.practice(session)
    session.commit()
    writer = Writer(engine, practice.id)
    for _ in range(BEFORE):
        writer.write()
    return writer


def numbers(url: str) -> tuple[list[str], list[str]]:
    """Return the numbers of both tables."""
    engine = make_engine(url)
    with engine.connect().execution_options(reads=True) as connection:
        beats = connection.scalars(select(WorkerHeartbeat.worker_id).order_by(WorkerHeartbeat.worker_id)).all()
        tallies = connection.scalars(select(DecisionTally.kind).order_by(DecisionTally.kind)).all()
    engine.dispose()
    return list(beats), list(tallies)


def test_a_backup_under_load_holds_a_committed_prefix(
    writer: Writer, run: Run, run_there: Run, other_owner_url: str, file: Path
) -> None:
    with writer.writing():
        at_first = writer.committed
        made = run("backup", file)
        at_last = writer.committed + 1  # the writer may have committed one that it has not counted yet
    verified, restored = run_there("backup", "verify", file), run_there("restore", file)

    assert [each.exit_code for each in (made, verified, restored)] == [0, 0, 0], (made, verified, restored)
    beats, tallies = numbers(other_owner_url)
    assert beats == tallies == [f"{number:06}" for number in range(1, len(beats) + 1)]
    assert BEFORE <= at_first <= len(beats) <= at_last


def test_several_backups_one_after_the_other_never_lose_what_an_earlier_one_had(
    writer: Writer, run: Run, run_there: Run, other_owner_url: str, tmp_path: Path
) -> None:
    lengths = []

    with writer.writing():
        made = [run("backup", tmp_path / f"{number}.backup") for number in range(3)]
    assert [each.exit_code for each in made] == [0, 0, 0], [each.output for each in made]
    for number in range(3):
        restored = run_there("restore", "--replace", tmp_path / f"{number}.backup")
        assert restored.exit_code == 0, restored.output
        lengths.append(len(numbers(other_owner_url)[0]))

    assert BEFORE <= lengths[0] < lengths[1] < lengths[2]
