"""The API while its database fails: never a yes that is not stored, and all is well afterwards."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.orm import Session

from models import CheckIn
from models.engine import POSTGRESQL_TIMEOUTS
from models.people import Patient
from service.app import create_app
from service.db import db
from tests.api.conftest import Answer, Caller, Clinic, Look, as_patient
from tests.clock import FixedClock
from tests.database import settings_for
from tests.tcp_proxy import ANSWERS, REQUESTS, Proxy, network_to

PATH = "/check-ins/k7Qm2pXcV9sLwRtA"
MOST_SECONDS = 5.0
# A connection of the pool that says nothing is given up after six seconds, and a new one is tried for five.
MOST_SECONDS_OF_SILENCE = 15.0


def report(clinic: Clinic) -> dict[str, object]:
    return {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4}


def timed(call: Callable[[], Answer]) -> tuple[Answer, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began


@contextmanager
def listening(app: Flask, name: str, listener: Callable[..., Any]) -> Iterator[None]:
    """Have `listener` hear one kind of event of the application's engine."""
    with app.app_context():
        engine = db.engine
    event.listen(engine, name, listener)
    try:
        yield
    finally:
        event.remove(engine, name, listener)


def terminate(connection: Connection) -> None:
    """End the server's side of a connection, as an administrator would."""
    driver: Any = connection.connection.driver_connection
    address = make_url(str(connection.engine.url)).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 2000)", (driver.info.backend_pid,))


@pytest.mark.postgresql_only
@pytest.mark.parametrize("is_stored", [False, True], ids=["before the commit", "after it"])
def test_a_write_whose_connection_was_ended_is_repeated_with_one_effect(
    app: Flask, patient: Caller, clinic: Clinic, look: Look, is_stored: bool
) -> None:
    ended: list[str] = []

    def end_once(connection: Connection) -> None:
        if not ended and connection.connection.driver_connection.info.transaction_status:  # type: ignore[union-attr]  # connected
            ended.append("ended")
            if is_stored:
                connection.connection.driver_connection.commit()  # type: ignore[union-attr]  # connected
            terminate(connection)
            connection.exec_driver_sql("SELECT 1")

    with listening(app, "commit", end_once):
        first = patient.put(PATH, report(clinic))
        stored = len(look(CheckIn, practice_id=clinic.id))
        again = patient.put(PATH, report(clinic))

    assert (first.status_code, stored) == (503, int(is_stored))
    assert int(first.headers["Retry-After"]) > 0
    assert again.status_code == (200 if is_stored else 201)
    assert len(look(CheckIn, practice_id=clinic.id)) == 1


@pytest.mark.postgresql_only
def test_connections_that_were_ended_while_idle_are_replaced_unnoticed(
    app: Flask, patient: Caller, clinic: Clinic, engine: Engine
) -> None:
    first = patient.put(PATH, report(clinic))
    with engine.connect() as connection:
        others = "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(text(f"{others} AND pid <> pg_backend_pid()"))

    assert (first.status_code, patient.put(PATH, report(clinic)).status_code) == (201, 200)


@pytest.mark.postgresql_only
def test_a_row_that_somebody_holds_gives_a_503_in_time_and_then_the_answer(
    patient: Caller, clinic: Clinic, session: Session
) -> None:
    session.get_one(Patient, (clinic.id, clinic.patient.id), with_for_update=True, populate_existing=True)

    blocked, seconds = timed(lambda: change_language(patient, clinic))
    session.rollback()

    assert blocked.status_code == 503
    assert int(blocked.headers["Retry-After"]) > 0
    assert seconds < MOST_SECONDS
    assert change_language(patient, clinic).status_code == 200


def change_language(caller: Caller, clinic: Clinic) -> Answer:
    path = f"/patients/{clinic.patient.id}"
    return caller.patch(path, {"language": "es"}, match=caller.get(path).headers["ETag"])


def test_an_exhausted_pool_gives_a_503_in_time_and_recovers(app: Flask, patient: Caller, clinic: Clinic) -> None:
    with app.app_context(), ExitStack() as stack:
        pool: Any = db.engine.pool
        for _ in range(pool.size() + pool._max_overflow):
            stack.enter_context(db.engine.connect())
        answer, seconds = timed(lambda: patient.put(PATH, report(clinic)))

    assert answer.status_code == 503
    assert seconds < MOST_SECONDS
    assert patient.put(PATH, report(clinic)).status_code == 201


@pytest.mark.sqlite_only
def test_a_full_disk_refuses_writes_and_keeps_what_is_stored(
    app: Flask, session: Session, clinic: Clinic, look: Look, anonymous: Caller
) -> None:
    phone = as_patient(app, session, clinic.patient)
    with app.app_context():
        db.engine.dispose()

    def fill_up(connection: Any, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    with listening(app, "connect", fill_up):
        answers = [phone.put(f"/check-ins/number-{number}", report(clinic)) for number in range(60)]
        health = anonymous.get("/health")
        with app.app_context():
            db.engine.dispose()

    stored = {row.id for row in look(CheckIn, practice_id=clinic.id)}
    acknowledged = {f"number-{number}" for number, answer in enumerate(answers) if answer.status_code == 201}
    assert {answer.status_code for answer in answers} == {201, 503}
    assert stored == acknowledged
    assert health.status_code == 200
    assert phone.put("/check-ins/afterwards", report(clinic)).status_code == 201


@pytest.mark.postgresql_only
def test_a_network_that_is_cut_gives_a_503_at_once_and_the_answer_once_it_is_mended(
    session: Session, clinic: Clinic, database_url: str
) -> None:
    with network_to(database_url) as network:
        app = create_app(settings_for(network.url), FixedClock())
        phone = as_patient(app, session, clinic.patient)
        before = phone.put(PATH, report(clinic))
        network.cut()
        during, seconds = timed(lambda: phone.put(PATH, report(clinic)))
        network.mend()
        after = phone.put(PATH, report(clinic))
        with app.app_context():
            db.engine.dispose()

    assert (before.status_code, during.status_code, after.status_code) == (201, 503, 200)
    assert seconds < MOST_SECONDS


@pytest.fixture
def _its_own_timeouts(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL end a silent transaction after five seconds: other tests allow a machine that stalls more."""
    monkeypatch.setitem(POSTGRESQL_TIMEOUTS, "idle_in_transaction_session_timeout", "5s")


SILENCES: dict[str, Callable[[Proxy], None]] = {
    "black hole": lambda network: network.swallow(),
    "five seconds each way": lambda network: network.slow_down(5.0),
}


@pytest.mark.slow
@pytest.mark.postgresql_only
@pytest.mark.parametrize("silence", SILENCES)
def test_a_network_that_swallows_or_delays_gives_a_503_in_time_and_then_the_answer(
    session: Session, clinic: Clinic, database_url: str, look: Look, silence: str
) -> None:
    with network_to(database_url) as network:
        app = create_app(settings_for(network.url), FixedClock())
        phone = as_patient(app, session, clinic.patient)
        before = phone.get("/tasks").status_code
        SILENCES[silence](network)
        during, seconds = timed(lambda: phone.put(PATH, report(clinic)))
        network.mend()
        after, seconds_after = timed(lambda: phone.put(PATH, report(clinic)))
        with app.app_context():
            db.engine.dispose()

    assert before < 500
    assert (during.status_code, after.status_code) == (503, 201)
    assert int(during.headers["Retry-After"]) > 0
    assert seconds < MOST_SECONDS_OF_SILENCE
    assert seconds_after < MOST_SECONDS
    assert len(look(CheckIn, practice_id=clinic.id)) == 1


@pytest.mark.slow
@pytest.mark.postgresql_only
@pytest.mark.usefixtures("_its_own_timeouts")
@pytest.mark.parametrize(("way", "is_stored"), [(REQUESTS, False), (ANSWERS, True)])
def test_a_commit_that_is_held_up_gives_a_503_in_time_and_one_effect_however_far_it_came(
    session: Session, clinic: Clinic, database_url: str, look: Look, way: str, is_stored: bool
) -> None:
    with network_to(database_url) as network:
        app = create_app(settings_for(network.url), FixedClock())
        phone = as_patient(app, session, clinic.patient)
        with listening(app, "commit", lambda _connection: network.hold(way)):
            during, seconds = timed(lambda: phone.put(PATH, report(clinic)))
        network.mend()
        stored = len(look(CheckIn, practice_id=clinic.id))
        after = phone.put(PATH, report(clinic))
        with app.app_context():
            db.engine.dispose()

    assert (during.status_code, stored) == (503, int(is_stored))
    assert seconds < MOST_SECONDS_OF_SILENCE
    assert after.status_code == (200 if is_stored else 201)
    assert len(look(CheckIn, practice_id=clinic.id)) == 1
