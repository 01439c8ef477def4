"""PostgreSQL knows its tables after much was loaded, and finds what a worker touches by its keys."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from models.engine import make_session_factory
from models.statistics import look_up_by_key, refresh_statistics
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
@pytest.mark.parametrize(
    ("setting", "before"),
    [
        ("join_collapse_limit", "8"),
        *((f"enable_{way}", "on") for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin")),
    ],
)
def test_looking_up_by_key_holds_to_the_end_of_the_transaction(session: Session, setting: str, before: str) -> None:
    shown = text(f"SHOW {setting}")

    look_up_by_key(session)

    inside = session.scalar(shown)
    session.commit()
    assert inside in {"1", "off"}
    assert session.scalar(shown) == before
