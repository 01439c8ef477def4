"""Two callers at once: of two changes made from one revision one wins, and nothing is lost or doubled."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Delivery, Patient
from models.engine import make_session_factory
from service.db import TURNS, WRITERS, begin, db
from tests.api.conftest import Answer, Caller, Clinic, as_staff

Change = Callable[[Caller, int], Answer]


def at_once(app: Flask, session: Session, clinic: Clinic, engine: Engine, change: Change) -> list[Answer]:
    """Send two changes that both wait for a third party which holds the patient's row."""
    callers = [as_staff(app, session, clinic.coordinator) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads, make_session_factory(engine)() as holder:
        key = (clinic.id, clinic.patient.id)
        holder.get(Patient, key, with_for_update={"key_share": True})
        answers = [threads.submit(change, caller, number) for number, caller in enumerate(callers)]
        # Long enough for both to have read what is stored, short enough for neither to give up.
        threads_wait(holder)
        holder.rollback()
        return [answer.result() for answer in answers]


def threads_wait(holder: Session) -> None:
    holder.connection().exec_driver_sql(
        "SELECT pg_sleep(0.5)" if holder.get_bind().dialect.name == "postgresql" else "SELECT 1"
    )


@pytest.mark.parametrize("kind", ["patients", "episodes", "surgeries"])
def test_of_two_changes_at_once_from_one_revision_one_wins(
    app: Flask, session: Session, clinic: Clinic, engine: Engine, coordinator: Caller, kind: str
) -> None:
    cases: dict[str, tuple[str, list[dict[str, object]]]] = {
        "patients": (f"/patients/{clinic.patient.id}", [{"language": "es"}, {"units": "metric"}]),
        "episodes": (f"/episodes/{clinic.episode.id}", [{"workers_comp": True}, {"label": "E-other"}]),
        "surgeries": (f"/surgeries/{clinic.surgery.id}", [{"blood_loss_ml": 10}, {"site": "North wing"}]),
    }
    path, changes = cases[kind]
    etag = coordinator.get(path).headers["ETag"]

    answers = at_once(
        app, session, clinic, engine, lambda caller, number: caller.patch(path, changes[number], match=etag)
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]


@pytest.mark.parametrize("kind", ["episodes", "surgeries", "check-ins"])
def test_one_record_sent_twice_at_once_is_stored_once_and_both_are_told_so(
    app: Flask, session: Session, clinic: Clinic, engine: Engine, kind: str
) -> None:
    bodies: dict[str, dict[str, object]] = {
        "episodes": {"patient_id": clinic.patient.id, "label": "E-twice"},
        "surgeries": {
            "episode_id": clinic.episode.id,
            "stage": 2,
            "procedure": "lumbar_laminectomy",
            "approach": "open",
            "levels": ["L3-L4"],
        },
        "check-ins": {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4},
    }

    answers = at_once(
        app, session, clinic, engine, lambda caller, _: caller.put(f"/{kind}/k7Qm2pXcV9sLwRtA", bodies[kind])
    )

    assert sorted(answer.status_code for answer in answers) == [200, 201]


@pytest.mark.postgresql_only
@pytest.mark.parametrize("choice", [{"opted_out": ["email"]}, {"opted_out_categories": ["activity"]}])
def test_an_opt_out_waits_for_the_workers_last_check_whatever_else_changes(
    clinic: Clinic, engine: Engine, coordinator: Caller, choice: dict[str, list[str]]
) -> None:
    path = f"/patients/{clinic.patient.id}"
    etag = coordinator.get(path).headers["ETag"]
    change = {"wants_contact_sport": True, **choice}

    with make_session_factory(engine)() as worker:
        worker.scalars(select(Delivery).filter_by(patient_id=clinic.patient.id).with_for_update()).all()
        during = coordinator.patch(path, change, match=etag)
        worker.rollback()

    assert during.status_code == 503
    assert coordinator.patch(path, change, match=etag).status_code == 200


def test_who_waits_for_a_turn_to_write_holds_no_connection_and_readers_pass(
    app: Flask, session: Session, clinic: Clinic
) -> None:
    reader, writer = as_staff(app, session, clinic.coordinator), as_staff(app, session, clinic.coordinator)
    path = f"/patients/{clinic.patient.id}"
    etag = reader.get(path).headers["ETag"]
    turns = app.extensions[TURNS]
    for _ in range(WRITERS):
        turns.acquire()

    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(writer.patch, path, {"language": "es"}, match=etag)
        waits = not wait([answer], timeout=0.5).done
        read = reader.get(path).status_code
        with app.app_context():
            pool: Any = db.engine.pool
            held = pool.checkedout()
        turns.release()
        status = answer.result(timeout=30).status_code

    assert (waits, read, held, status) == (True, 200, 0, 200)


def test_a_turn_comes_back_whatever_became_of_the_request(
    app: Flask, session: Session, clinic: Clinic, anonymous: Caller
) -> None:
    staff, path = as_staff(app, session, clinic.coordinator), f"/patients/{clinic.patient.id}"
    asked: list[Callable[[], Answer]] = [
        lambda: staff.patch(path, {"language": "es"}, match='"1"'),
        lambda: staff.patch(path, {"language": 7}, match='"1"'),
        lambda: anonymous.patch(path, {}),
        lambda: staff.patch("/patients/nobody", {}, match='"1"'),
    ]

    statuses = [ask().status_code for ask in asked * WRITERS]

    assert statuses == [412, 422, 401, 404] * WRITERS
    assert all(app.extensions[TURNS].acquire(blocking=False) for _ in range(WRITERS))


def test_a_turn_ends_with_its_transaction_though_the_request_goes_on(app: Flask, clinic: Clinic) -> None:
    with app.test_request_context():
        free = []
        for end in (Session.commit, Session.rollback):
            session = begin(reads=False)
            with session.begin_nested():
                session.get(Patient, (clinic.id, clinic.patient.id))
            free.append(free_turns(app))
            end(session)
            free.append(free_turns(app))

    assert free == [WRITERS - 1, WRITERS] * 2


def free_turns(app: Flask) -> int:
    turns = app.extensions[TURNS]
    count = 0
    while turns.acquire(blocking=False):
        count += 1
    for _ in range(count):
        turns.release()
    return count
