"""PostgreSQL knows its tables after much was loaded, and joins the hot query as it is written."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from models.engine import make_session_factory
from models.statistics import join_as_written, refresh_statistics
from tests import builders


@pytest.mark.postgresql_only
def test_after_a_refresh_the_database_knows_how_many_rows_there_are(engine: Engine, session: Session) -> None:
    clinic = builders.practice(session)
    for _ in range(3):
        builders.patient(session, clinic)
    session.commit()
    known = text("SELECT reltuples FROM pg_class WHERE relname = 'patient'")
    before = session.scalar(known)

    refresh_statistics(make_session_factory(engine))

    session.rollback()
    assert (before, session.scalar(known)) == (-1, 3)


@pytest.mark.postgresql_only
def test_the_order_of_joins_holds_to_the_end_of_the_transaction(session: Session) -> None:
    limit = text("SHOW join_collapse_limit")

    join_as_written(session)

    inside = session.scalar(limit)
    session.commit()
    assert (inside, session.scalar(limit)) == ("1", "8")
