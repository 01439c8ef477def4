"""Many who write at once, and what every connection is told before its first statement (D07, D11)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from models.engine import POSTGRESQL_TIMEOUTS, make_engine
from tests import builders

WRITERS, INCREMENTS = 8, 25
SQLITE = {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000}  # synchronous 2 is FULL
POSTGRESQL = {
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "transaction_isolation": "read committed",
    "synchronous_commit": "on",
}


def test_eight_writers_at_once_lose_no_increment_and_see_no_error(
    engine: Engine, session: Session, database_url: str
) -> None:
    practice = builders.practice(session)
    session.commit()
    lock = " FOR UPDATE" if engine.dialect.name == "postgresql" else ""

    def increment(_number: int) -> None:
        for _ in range(INCREMENTS):
            with engine.begin() as connection:
                at = {"id": practice.id}
                read = text(f"SELECT revision FROM sync_clock WHERE practice_id = :id{lock}")
                revision = connection.scalar(read, at)
                write = text("UPDATE sync_clock SET revision = :revision WHERE practice_id = :id")
                connection.execute(write, at | {"revision": revision + 1})

    before = read_revision(engine, practice.id)
    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(increment, range(WRITERS)))

    assert read_revision(engine, practice.id) - before == WRITERS * INCREMENTS


def read_revision(engine: Engine, practice_id: str) -> int:
    with engine.connect() as connection:
        query = text("SELECT revision FROM sync_clock WHERE practice_id = :id")
        return int(connection.scalar(query, {"id": practice_id}) or 0)


@pytest.fixture
def fresh_engines(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Engine]]:
    monkeypatch.setitem(POSTGRESQL_TIMEOUTS, "idle_in_transaction_session_timeout", "5s")  # tests allow more
    engines = [make_engine(database_url), make_engine(database_url)]
    yield engines
    for engine in engines:
        engine.dispose()


def test_every_new_connection_has_our_settings(fresh_engines: list[Engine]) -> None:
    told = []
    for engine in fresh_engines:
        for _ in range(2):  # before and after the pool was emptied
            with ExitStack() as stack:
                connections = [stack.enter_context(_reading(engine)) for _ in range(3)]
                told += [settings_of(each) for each in connections]
            engine.dispose()

    expected = SQLITE if fresh_engines[0].dialect.name == "sqlite" else POSTGRESQL
    assert told == [expected] * 12


def _reading(engine: Engine) -> Connection:
    return engine.connect().execution_options(reads=True)


def settings_of(connection: Connection) -> dict[str, object]:
    names, ask = (SQLITE, "PRAGMA {}") if connection.dialect.name == "sqlite" else (POSTGRESQL, "SHOW {}")
    return {name: connection.exec_driver_sql(ask.format(name)).scalar() for name in names}
