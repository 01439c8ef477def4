"""Break-glass (A18): outside of one's caseload with a reason, for a while, marked, shown to the patient, reviewed."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import AuditEntry, Decision, Delivery, EmergencyAccess, Patient
from models.audit import AuditAction
from models.erasure import ErasureReason
from models.people import StaffRole
from models.reminder import DecisionKind, DeliveryState
from schedules.plan.vocabulary import Provider
from service.api import examples_break_glass as examples
from service.api.break_glass import EmergencyAccessView, EmergencyBody, OpenedView
from service.care.erasure import Erase, OverrideReason, erase_patient
from service.errors import NotFoundError
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_patient, as_signed_in, as_staff
from tests.api.test_caseloads import limit, sees
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import Outbox, desk_of
from tests.worker.rounds import work_off

OPEN = "/emergency-accesses"
SECRET = "she calls about her dressing"


@pytest.fixture
def body(session: Session, clinic: Clinic) -> dict[str, str]:
    """Return what opens the patient who is on nobody's caseload, in a clinic whose staff see their own alone."""
    clinic.other_patient.date_of_birth = date(1971, 2, 28)
    limit(session, clinic)
    return {"mrn": clinic.other_patient.mrn, "date_of_birth": "1971-02-28", "reason": "covering", "note": SECRET}


@pytest.fixture
def casey(app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return the coordinator in a session whose second factor is fresh."""
    return as_signed_in(app, session, clinic.coordinator)


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Caller:
    return as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


@pytest.fixture
def auditor(app: Flask, session: Session, clinic: Clinic) -> Caller:
    return as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.auditor))


@pytest.mark.sqlite_only
def test_the_examples_fit_their_schemas() -> None:
    assert EmergencyBody().validate(examples.WANTED) == {}
    assert examples.OPENED.keys() == EmergencyAccessView().fields.keys()
    assert examples.REVIEWED.keys() == OpenedView().fields.keys()


def test_a_patient_is_opened_with_a_reason_for_an_hour_and_for_this_person_alone(
    casey: Caller,
    clinician: Caller,
    clinic: Clinic,
    body: dict[str, str],
    clock: FixedClock,
    app: Flask,
    session: Session,
) -> None:
    before = sees(casey, clinic)

    answer = casey.post(OPEN, body)
    during = (sees(casey, clinic), sees(clinician, clinic))
    listed = [each["id"] for each in casey.get("/patients").json["items"]]
    clock.advance(timedelta(minutes=20))
    casey.get("/me")
    clock.advance(timedelta(minutes=20))
    casey.get("/me")
    clock.advance(timedelta(minutes=19, seconds=59))
    last = sees(casey, clinic)
    clock.advance(timedelta(seconds=1))

    assert (before, answer.status_code, during, last) == (False, 201, (True, False), True)
    assert answer.json["patient_id"] == clinic.other_patient.id
    assert sorted(listed) == sorted([clinic.patient.id, clinic.other_patient.id])
    assert sees(casey, clinic) is False
    assert casey.get(f"/episodes/{clinic.other_episode.id}/plan").status_code == 404


def test_every_look_in_the_window_is_marked_and_none_after_or_at_others(
    casey: Caller, clinic: Clinic, body: dict[str, str], look: Look, session: Session, clock: FixedClock
) -> None:
    opened = casey.post(OPEN, body).json["id"]
    casey.get(f"/episodes/{clinic.other_episode.id}/plan")
    casey.amend(f"/patients/{clinic.other_patient.id}", {"language": "es"})
    casey.get("/patients")
    casey.get(f"/patients/{clinic.patient.id}")
    clock.advance(timedelta(minutes=29))
    casey.get("/me")
    clock.advance(timedelta(minutes=29))
    casey.get("/me")
    clock.advance(timedelta(minutes=2))
    casey.get(f"/patients/{clinic.other_patient.id}")

    entries = [each for each in look(AuditEntry, practice_id=clinic.id) if each.route != "GET /api/v1/me"]
    marks = [(each.action, each.about.get("emergency_access")) for each in entries]
    assert marks == [
        (AuditAction.write, [opened]),
        (AuditAction.read, [opened]),
        (AuditAction.read, [opened]),
        (AuditAction.write, [opened]),
        (AuditAction.read, [opened]),
        (AuditAction.read, None),
        (AuditAction.denied, None),
    ]
    assert entries[0].about == {"emergency_access": [opened], "reason": "covering"}
    assert SECRET not in str([each.about for each in entries])


def test_the_patient_sees_it_in_their_log(
    casey: Caller, app: Flask, session: Session, clinic: Clinic, body: dict[str, str]
) -> None:
    phone = as_patient(app, session, clinic.other_patient)
    casey.post(OPEN, body)
    casey.get(f"/episodes/{clinic.other_episode.id}/plan")

    items = phone.get(f"/patients/{clinic.other_patient.id}/access-log?whose=others").json["items"]

    assert [(each["who"]["name"], each["area"], each["emergency_text"] is not None) for each in items] == [
        (clinic.coordinator.display_name, "plan", True),
        (clinic.coordinator.display_name, "record", True),
    ]
    assert items[0]["emergency_text"]["en"].startswith("Outside of their usual patients")


def test_admin_and_auditor_see_it_and_say_that_they_looked_into_it(
    casey: Caller, admin: Caller, auditor: Caller, clinic: Clinic, body: dict[str, str], look: Look
) -> None:
    opened = casey.post(OPEN, body).json["id"]

    waiting = [who.get(OPEN).json["items"] for who in (admin, auditor)]
    done = [who.post(f"{OPEN}/{opened}/review").status_code for who in (auditor, admin)]

    (item,) = waiting[0]
    assert waiting[0] == waiting[1]
    assert (item["id"], item["name"], item["reason"], item["note"]) == (
        opened,
        clinic.coordinator.display_name,
        "covering",
        SECRET,
    )
    (row,) = look(EmergencyAccess, practice_id=clinic.id)
    assert (done, admin.get(OPEN).json["items"]) == ([204, 204], [])
    assert [each["reviewed_by"] for each in admin.get(f"{OPEN}?state=reviewed").json["items"]] == [row.reviewed_by]
    assert row.note_sealed is not None
    assert SECRET.encode() not in row.note_sealed
    assert casey.get(OPEN).status_code == 403


def test_every_admin_has_a_notice_in_the_transaction_that_opens_the_patient(
    casey: Caller, admin: Caller, clinic: Clinic, session: Session, body: dict[str, str], look: Look
) -> None:
    gone = builders.staff(session, clinic.practice, role=StaffRole.practice_admin, disabled_at=MONDAY_AFTERNOON)
    session.commit()

    opened = casey.post(OPEN, body).json["id"]
    casey.post(OPEN, body | {"mrn": "SP-NOBODY"})

    (notice,) = look(Delivery, practice_id=clinic.id, access_id=opened)
    (line,) = look(Decision, practice_id=clinic.id, access_id=opened)
    assert (notice.patient_id, notice.state) == (clinic.other_patient.id, DeliveryState.pending)
    assert notice.staff_id != gone.id
    assert (line.kind, line.generation) == (DecisionKind.planned, notice.generation)
    assert len([each for each in look(Delivery, practice_id=clinic.id) if each.access_id]) == 1


def test_a_notice_that_cannot_be_written_opens_nobody(
    casey: Caller, admin: Caller, clinic: Clinic, body: dict[str, str], look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise NotFoundError

    monkeypatch.setattr("service.care.break_glass.give_notice", fail)

    answer = casey.post(OPEN, body)

    assert (answer.status_code, look(EmergencyAccess, practice_id=clinic.id)) == (404, [])
    assert sees(casey, clinic) is False


def test_the_reviewer_reads_who_was_told_and_why_somebody_was_not(
    casey: Caller,
    auditor: Caller,
    admin: Caller,
    app: Flask,
    session: Session,
    clinic: Clinic,
    body: dict[str, str],
    engine: Engine,
    clock: FixedClock,
) -> None:
    builders.staff(session, clinic.practice, role=StaffRole.practice_admin, display_name="Mute", email=None)
    session.commit()
    casey.post(OPEN, body)
    before = casey_item(auditor)
    work_off(engine, clock, desk_of(engine, clock, {Provider.smtp: Outbox()}))

    after = casey_item(auditor)

    told = [[(each["name"], each["state"], each["reason"]) for each in item["notices"]] for item in (before, after)]
    assert told == [
        [("Casey Rivera", "pending", None), ("Mute", "pending", None)],
        [("Casey Rivera", "sent", None), ("Mute", "suppressed", "no_address")],
    ]
    assert [each["finished_at"] is not None for each in after["notices"]] == [True, True]


def casey_item(reviewer: Caller) -> dict[str, Any]:
    (item,) = reviewer.get(OPEN).json["items"]
    return dict(item)


def test_erasing_the_patient_takes_notices_and_their_decisions_along(
    casey: Caller, admin: Caller, session: Session, clinic: Clinic, body: dict[str, str], look: Look
) -> None:
    casey.post(OPEN, body)
    patient = session.get_one(Patient, (clinic.id, clinic.other_patient.id))
    command = Erase(ErasureReason.asked_by_patient, OverrideReason.never_our_patient)

    erase_patient(session, patient, command, MONDAY_AFTERNOON, enter=lambda _entry: None)
    session.commit()

    assert look(EmergencyAccess, practice_id=clinic.id) == []
    assert [each for each in look(Delivery, practice_id=clinic.id) if each.access_id] == []
    assert [each for each in look(Decision, practice_id=clinic.id) if each.access_id] == []


def test_without_a_fresh_second_factor_nothing_opens(
    casey: Caller, app: Flask, session: Session, clinic: Clinic, body: dict[str, str], clock: FixedClock
) -> None:
    token = as_staff(app, session, clinic.coordinator)
    clock.advance(timedelta(minutes=10))

    codes = [who.post(OPEN, body).json["code"] for who in (casey, token)]

    assert codes == ["step_up_required", "session_required"]
    assert sees(casey, clinic) is False


@pytest.mark.parametrize(
    "wrong", [{"mrn": "SP-NOBODY"}, {"date_of_birth": "1971-03-01"}], ids=["number", "date of birth"]
)
def test_whoever_knows_no_patient_by_number_and_birth_opens_none_and_leaves_a_refusal(
    wrong: dict[str, str], casey: Caller, clinic: Clinic, body: dict[str, str], look: Look
) -> None:
    answer = casey.post(OPEN, body | wrong)

    assert answer.status_code == 404
    assert look(EmergencyAccess, practice_id=clinic.id) == []
    assert [each.status for each in look(AuditEntry, practice_id=clinic.id, action=AuditAction.denied)] == [404]


def test_no_glass_where_there_is_none_to_break(
    casey: Caller, session: Session, clinic: Clinic, body: dict[str, str], look: Look
) -> None:
    own = casey.post(
        OPEN, body | {"mrn": clinic.patient.mrn, "date_of_birth": clinic.patient.date_of_birth.isoformat()}
    )
    first, twice = (casey.post(OPEN, body) for _ in range(2))
    clinic.practice.own_caseload_only = False
    session.commit()
    open_to_all = casey.post(OPEN, body)

    assert [each.status_code for each in (own, first, twice, open_to_all)] == [409, 201, 409, 409]
    assert len(look(EmergencyAccess, practice_id=clinic.id)) == 1


@pytest.mark.sqlite_only
def test_a_reason_is_asked_for_and_never_repeated(casey: Caller, clinic: Clinic, body: dict[str, str]) -> None:
    without = casey.post(OPEN, {name: told for name, told in body.items() if name not in ("reason", "note")})
    wrong = casey.post(OPEN, body | {"reason": "curious", "note": " "})

    assert [each["pointer"] for each in without.json["errors"]] == ["/reason", "/note"]
    assert (wrong.status_code, SECRET in wrong.get_data(as_text=True)) == (422, False)
