"""A push that waits for whoever takes its patients away: what stands once it goes on is what counts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import CheckIn, Episode, Patient, RefusedRow
from models.engine import make_session_factory
from models.erasure import ErasureReason
from service.care.erasure import Erase, OverrideReason, erase_patient
from service.care.merging_checks import Merge
from service.care.merging_records import apply_merge, preview_merge
from service.care.reach import lock_patient
from tests.api.conftest import Answer, Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.sync.conftest import Phone, check_in
from tests.worker.rows import is_somebody_waiting, wait_until

pytestmark = pytest.mark.postgresql_only  # SQLite has one writer at a time


def answered_after(engine: Engine, work: Callable[[Session], object], request: Callable[[], Answer]) -> Answer:
    """Return the answer to a request that comes before `work` is committed, and waits for it."""
    with ThreadPoolExecutor(1) as thread, make_session_factory(engine)() as session:
        work(session)
        answer = thread.submit(request)
        wait_until(lambda: answer.done() or is_somebody_waiting(engine))
        assert not answer.done()
        session.commit()
        return answer.result()


def push_of(phone: Phone, row: dict[str, Any], protocol: str) -> Answer:
    """Push a check-in by a protocol."""
    if protocol == "watermelon":
        return phone.push(check_ins=[row])
    if protocol == "rxdb":
        return phone.caller.post("/sync/rxdb/check_ins/4/push", [{"newDocumentState": row}])
    operation = {"op": "PUT", "type": "check_ins", "id": row["id"], "data": row}
    return phone.caller.post("/sync/powersync/crud", {"crud": [operation]})


@pytest.mark.parametrize("protocol", ["watermelon", "rxdb", "powersync"])
def test_nothing_is_kept_of_what_a_patient_pushes_while_they_are_erased(
    phone: Phone, clinic: Clinic, engine: Engine, look: Look, protocol: str
) -> None:
    command = Erase(ErasureReason.asked_by_patient, OverrideReason.record_kept_elsewhere)

    def erase(session: Session) -> None:
        patient = session.get_one(Patient, (clinic.id, clinic.patient.id))
        erase_patient(session, patient, command, MONDAY_AFTERNOON, enter=lambda _: None)

    answer = answered_after(engine, erase, lambda: push_of(phone, check_in(clinic, "c-1", note="Bad night"), protocol))

    assert answer.status_code == 401
    assert (look(CheckIn), look(RefusedRow)) == ([], [])
    assert phone.caller.get("/sync/watermelon").json["code"] == "device_revoked"


def test_nothing_is_kept_of_what_a_phone_pushes_while_its_record_becomes_part_of_another(
    phone: Phone, clinic: Clinic, session: Session, engine: Engine, look: Look
) -> None:
    clinic.other_surgery.surgery_on = None
    session.commit()
    command = Merge(survivor_id=clinic.other_patient.id, absorbed_id=clinic.patient.id, are_birth_dates_confirmed=True)
    with make_session_factory(engine)() as shown:
        agreed = preview_merge(shown, clinic.id, command, MONDAY_AFTERNOON).fingerprint

    def merge(session: Session) -> None:
        apply_merge(session, clinic.id, command, merge_id="m-1", agreed=agreed, by=None, now=MONDAY_AFTERNOON)

    answer = answered_after(engine, merge, lambda: phone.push(check_ins=[check_in(clinic, "c-1")]))

    assert answer.status_code == 401
    assert (look(CheckIn), look(RefusedRow)) == ([], [])


def test_a_coordinator_who_loses_a_patient_while_their_push_waits_writes_nothing_about_them(
    desk: Phone, panel: Clinic, engine: Engine, look: Look
) -> None:
    def leave(session: Session) -> None:
        lock_patient(session, panel.id, panel.patient.id)
        session.get_one(Episode, (panel.id, panel.episode.id)).coordinator_id = None
        session.flush()

    answer = answered_after(engine, leave, lambda: desk.push(check_ins=[check_in(panel, "c-1")]))

    assert (answer.status_code, answer.json["refused"]) == (200, 1)
    assert look(CheckIn) == []
