"""What is compiled once is what SQLAlchemy would run: the same rows, the same errors, heard by the same listeners."""

from typing import Any

import pytest
from sqlalchemy import Engine, Integer, Select, bindparam, column, insert, literal, select, table, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from models import SyncClock
from models.prepared import Prepared, driver_rows
from tests import builders
from tests.faults import InterruptedAtStatementError, failing_at

CLOCK = select(SyncClock.practice_id, SyncClock.revision + 40).where(SyncClock.revision <= 2).limit(3)
WRONG: dict[str, Select[Any]] = {
    "no such table": select(column("a")).select_from(table("nowhere")),
    "no such function": select(text("no_such_function(1)")),
}


def test_a_prepared_statement_answers_what_the_statement_answers(engine: Engine, session: Session) -> None:
    practice = builders.practice(session)
    session.commit()

    with engine.connect() as connection:
        prepared = Prepared(CLOCK)
        answers = [prepared.rows(connection, {}), prepared.rows(connection, {}), driver_rows(connection, CLOCK, {})]
        plain = [tuple(row) for row in connection.execute(CLOCK)]

    assert plain == [(practice.id, 41)]
    assert answers == [plain, plain, plain]


@pytest.mark.parametrize("statement", WRONG.values(), ids=list(WRONG))
def test_a_prepared_statement_fails_with_the_error_that_the_statement_fails_with(
    engine: Engine, statement: Select[Any]
) -> None:
    with engine.connect() as connection, pytest.raises(DBAPIError) as plain:
        connection.execute(statement)
    with engine.connect() as connection, pytest.raises(DBAPIError) as prepared:
        Prepared(statement).rows(connection, {})

    assert type(prepared.value) is type(plain.value)
    assert not prepared.value.connection_invalidated


@pytest.mark.postgresql_only
def test_a_connection_that_is_lost_in_a_prepared_statement_is_given_up(engine: Engine) -> None:
    ended = Prepared(select(text("pg_terminate_backend(pg_backend_pid())")))

    with engine.connect() as connection:
        with pytest.raises(OperationalError) as lost:
            ended.rows(connection, {})

        assert lost.value.connection_invalidated
        assert connection.invalidated


def test_a_prepared_statement_can_be_interrupted_as_any_other(engine: Engine) -> None:
    with engine.connect() as connection, failing_at(engine, 2) as seen:
        assert Prepared(select(literal(1, Integer))).rows(connection, {}) == [(1,)]

        with pytest.raises(InterruptedAtStatementError):
            Prepared(select(literal(2, Integer))).rows(connection, {})

    assert len(seen) == 2


def test_a_prepared_write_stores_a_row_for_each_set_of_parameters(engine: Engine, session: Session) -> None:
    ids = [builders.practice(session).id for _ in range(3)]
    session.commit()
    values = {"practice_id": bindparam("practice_id", type_=SyncClock.practice_id.type), "revision": 7, "epoch": 0}
    writes = Prepared(insert(SyncClock).values(values))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sync_clock"))

        writes.run(connection, {"practice_id": ids[0]})
        writes.run_each(connection, [{"practice_id": each} for each in ids[1:]])

    assert sorted(session.execute(select(SyncClock.practice_id, SyncClock.revision)).all()) == [
        (each, 7) for each in sorted(ids)
    ]
