"""Two callers at once: of two changes made from one revision one wins, and nothing is lost or doubled."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import CheckIn, Patient
from models.engine import make_session_factory
from tests.api.conftest import Answer, Caller, Clinic, Look, as_staff

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


def test_two_phones_that_send_one_check_in_at_once_store_it_once(
    app: Flask, session: Session, clinic: Clinic, engine: Engine, look: Look
) -> None:
    body = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4}

    answers = at_once(app, session, clinic, engine, lambda caller, _: caller.put("/check-ins/k7Qm2pXcV9sLwRtA", body))

    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert 201 in {answer.status_code for answer in answers}
    assert len(look(CheckIn, practice_id=clinic.id)) == 1
