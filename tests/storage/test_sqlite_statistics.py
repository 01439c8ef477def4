"""SQLite is told the same of every database, so that it looks up what one patient has."""

import pytest
from sqlalchemy import Engine, text

from models.engine import make_engine
from models.migrate import upgrade

pytestmark = pytest.mark.sqlite_only
OF_PATIENT = "EXPLAIN QUERY PLAN SELECT * FROM reminder WHERE practice_id = 'p' AND patient_id = 'x' ORDER BY id"


def told(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(text("SELECT idx, stat FROM sqlite_stat1"))}


def first_step(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text(OF_PATIENT)).all()[0][3])


def test_every_index_of_a_new_database_is_told_of(engine: Engine) -> None:
    with engine.connect() as connection:
        names = set(connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'index'")).scalars())

    stored = told(engine)

    assert stored.keys() == names
    assert stored["ix_delivery_practice_id_patient_id_state"] == "1000000 100000 100 10 noskipscan"
    assert stored["sqlite_autoindex_delivery_1"] == "1000000 100000 1 noskipscan"
    assert stored["ix_delivery_held"] == "10000 1000 1 noskipscan"


def test_a_patients_rows_in_an_order_are_looked_up_by_patient(engine: Engine) -> None:
    assert "(practice_id=? AND patient_id=?)" in first_step(engine)

    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sqlite_stat1"))
    engine.dispose()

    assert first_step(engine).endswith("(practice_id=?)")


def test_a_migration_puts_back_what_somebody_had_counted(engine: Engine, owner_url: str) -> None:
    before = told(engine)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    counted = told(engine)
    engine.dispose()

    upgrade(owner_url)

    other = make_engine(owner_url)
    assert counted != before
    assert told(other) == before
    other.dispose()
