"""A reader that follows the practice's changes while many write: it misses nothing, and nothing comes twice.

The same readers are tried on rows that are numbered by a sequence, as a proof that they would see a loss.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session, sessionmaker

from models import CheckIn
from models.base import table_of
from models.care import Reporter
from models.engine import begin_reads, make_session_factory
from models.sync import stamp
from service.identity.principal import Principal
from service.sync.changes import Change, read_changes, read_page
from service.sync.collections import COLLECTIONS
from service.sync.cursor import Position, Span, read_top
from tests import builders

AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
WRITERS, SECONDS = 12, 2.0
CHECK_INS = COLLECTIONS["check_ins"]
Take = Callable[[Session, str], int]


def by_clock(session: Session, practice_id: str) -> int:
    return stamp(session, practice_id)


def by_sequence(session: Session, _practice_id: str) -> int:
    return int(session.execute(text("SELECT nextval('numbers')")).scalar_one())


class Clinic:
    """A patient about whom twelve write at once."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        with sessions() as session:
            practice = builders.practice(session)
            person = builders.patient(session, practice)
            self.episode_id = builders.episode(session, person).id
            self.caller = Principal(practice.id, "device-1", patient_id=person.id)
            session.commit()
        self.committed: list[str] = []
        self.done = threading.Event()

    def write(self, writer: int, take: Take) -> None:
        """Write check-ins one after the other, some slowly, one in twenty rolled back."""
        chance, until, number = random.Random(writer), time.monotonic() + SECONDS, 0
        while time.monotonic() < until:
            number += 1
            row_id = f"w{writer}-{number}"
            with self.sessions() as session:
                time.sleep(chance.uniform(0, 0.05))
                columns = {"practice_id": self.caller.practice_id, "id": row_id, "deleted": False, "pain": 1}
                whose = {"patient_id": self.caller.patient_id, "episode_id": self.episode_id}
                told = {"reported_at": AT, "received_at": AT, "reported_by": Reporter.patient}
                rev = take(session, self.caller.practice_id)
                session.connection().execute(insert(table_of(CheckIn)).values(**columns, **whose, **told, rev=rev))
                time.sleep(chance.uniform(0, 0.02))
                if chance.random() < 0.05:
                    session.rollback()
                else:
                    session.commit()
                    self.committed.append(row_id)

    def follow(self, read: Callable[[Session, int, str], tuple[list[Change], int, str]]) -> list[str]:
        """Read from place to place until nobody writes any more. Return the ids in the order of their coming."""
        since, after_id, seen = 1, "", list[str]()
        while True:
            was_done = self.done.is_set()
            with self.sessions() as session:
                begin_reads(session, snapshot=True)
                rows, since, after_id = read(session, since, after_id)
            seen += [row.id for row in rows]
            if was_done and not rows:
                return seen
            time.sleep(0.005)

    def read_whole(self, session: Session, since: int, _after_id: str) -> tuple[list[Change], int, str]:
        """Read as WatermelonDB does: everything since a revision, up to the clock."""
        top = read_top(session, self.caller.practice_id)
        return read_changes(session, self.caller, CHECK_INS, Span(since, top), 1), top.revision, ""

    def read_paged(self, session: Session, since: int, after_id: str) -> tuple[list[Change], int, str]:
        """Read as RxDB does: the next five rows after the last."""
        span = Span(since, read_top(session, self.caller.practice_id))
        rows = read_page(session, self.caller, CHECK_INS, span, 1, after_id=after_id, limit=5)
        return (rows, rows[-1].revision, rows[-1].id) if rows else (rows, since, after_id)

    def read_numbered(self, session: Session, since: int, _after_id: str) -> tuple[list[Change], int, str]:
        """Read as one would by a sequence: everything over the highest number that was seen."""
        top = Position(0, 1_000_000_000)
        rows = read_changes(session, self.caller, CHECK_INS, Span(since, top), 1)
        return rows, max([since, *(row.revision for row in rows)]), ""


@pytest.fixture
def busy(engine: Engine) -> Clinic:
    return Clinic(make_session_factory(engine))


def followed(busy: Clinic, take: Take, *readers: Any) -> list[Counter[str]]:
    """Return what each reader saw, and how often, while twelve wrote."""
    with ThreadPoolExecutor(WRITERS + len(readers)) as pool:
        reading = [pool.submit(busy.follow, read) for read in readers]
        for writing in [pool.submit(busy.write, writer, take) for writer in range(WRITERS)]:
            writing.result()
        busy.done.set()
        return [Counter(each.result()) for each in reading]


def test_readers_miss_nothing_and_get_nothing_twice_while_twelve_write(busy: Clinic) -> None:
    whole, paged = followed(busy, by_clock, busy.read_whole, busy.read_paged)

    once = Counter(busy.committed)
    assert len(once) > 50
    assert whole == paged == once


@pytest.mark.postgresql_only
def test_by_a_sequence_the_same_reader_would_miss_rows(busy: Clinic, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE SEQUENCE numbers START 2"))

    (numbered,) = followed(busy, by_sequence, busy.read_numbered)

    assert set(busy.committed) - set(numbered)
