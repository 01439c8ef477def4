"""The page that opens a patient outside of one's caseload, and the one on which that is reviewed."""

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import Alert, CareAssignment
from models.people import StaffRole
from schedules.plan.vocabulary import Provider
from service.identity.roles import PARTS
from tests import builders
from tests.api.conftest import Clinic
from tests.api.every_route import MISSING
from tests.api.route_targets import add_targets
from tests.clock import FixedClock
from tests.dashboard.conftest import Desk, desk_of, text_of
from tests.worker.desks import Outbox
from tests.worker.desks import desk_of as worker_desk_of
from tests.worker.rounds import work_off

# What a form says is judged before it is looked for what it is about.
FIRST_JUDGED = {
    "POST /clinic/milestones/{milestone_id}/skip",
    "POST /clinic/milestones/{milestone_id}/clear",
    "POST /clinic/milestones/{milestone_id}/revoke",
    "POST /clinic/episodes/{episode_id}/moves",
}


@pytest.fixture
def sent(session: Session, clinic: Clinic) -> dict[str, str]:
    """Return the form that opens the other patient, in a clinic whose staff see their own caseload alone."""
    clinic.practice.own_caseload_only = True
    session.commit()
    patient = clinic.other_patient
    return {
        "mrn": patient.mrn,
        "date_of_birth": patient.date_of_birth.isoformat(),
        "reason": "covering",
        "note": "Casey is away",
    }


def test_a_page_opens_the_patient_and_says_so_and_the_admin_reviews_it(
    desk: Desk, app: Flask, session: Session, clinic: Clinic, sent: dict[str, str]
) -> None:
    admin = desk_of(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))
    path = f"/clinic/patients/{clinic.other_patient.id}"
    before = desk.get(path).status_code

    opened = desk.post("/clinic/emergency", sent)
    page = text_of(desk.get(path))
    listed = text_of(admin.get("/clinic/emergency-accesses"))
    review = admin.get("/clinic/emergency-accesses").get_data(as_text=True).split("/review")[0].split("/")[-1]
    done = admin.post(f"/clinic/emergency-accesses/{review}/review")

    assert (before, opened.status_code, done.status_code) == (404, 303, 303)
    assert "This patient is not on your caseload" in page
    assert "Outside of their usual patients" in page
    assert "Opened patients (1)" in listed
    assert "Covering for a colleague: Casey is away" in listed
    assert "Casey Rivera: not yet" in listed
    assert "Opened patients (1)" not in text_of(admin.get("/clinic/"))


def test_the_review_says_of_each_admin_whether_the_e_mail_went_out(
    desk: Desk, app: Flask, session: Session, clinic: Clinic, sent: dict[str, str], engine: Engine, clock: FixedClock
) -> None:
    role = StaffRole.practice_admin
    admin = desk_of(app, session, builders.staff(session, clinic.practice, role=role, display_name="Robin Told"))
    builders.staff(session, clinic.practice, role=role, display_name="Mute Person", email=None)
    builders.staff(session, clinic.practice, role=role, display_name="Gone Person", disabled_at=clock.now())
    session.commit()
    desk.post("/clinic/emergency", sent)
    work_off(engine, clock, worker_desk_of(engine, clock, {Provider.smtp: Outbox()}))

    shown = text_of(admin.get("/clinic/emergency-accesses"))
    in_spanish = text_of(admin.get("/clinic/emergency-accesses?language=es"))

    assert "Robin Told: Mon 2 Mar 10:00" in shown
    assert "Mute Person: not told (there is no address for it)" in shown
    assert "Mute Person: sin aviso (no hay dirección a la que enviarlo)" in in_spanish
    assert "Gone Person" not in shown


def test_a_clinic_without_an_admin_reads_that_nobody_was_told(
    desk: Desk, app: Flask, session: Session, clinic: Clinic, sent: dict[str, str]
) -> None:
    auditor = desk_of(app, session, builders.staff(session, clinic.practice, role=StaffRole.auditor))
    desk.post("/clinic/emergency", sent)

    shown = text_of(auditor.get("/clinic/emergency-accesses"))

    assert "Nobody I looked into it" in shown


def test_lists_search_and_pages_hold_the_own_caseload_alone(desk: Desk, clinic: Clinic, sent: dict[str, str]) -> None:
    pages = [desk.get("/clinic/"), desk.get("/clinic/patients"), desk.post("/clinic/patients", {"q": sent["mrn"]})]
    foreign = desk.get(f"/clinic/patients/{clinic.other_patient.id}")
    missing = desk.get("/clinic/patients/nobody")

    assert [clinic.other_patient.id in each.get_data(as_text=True) for each in pages] == [False] * 3
    assert [clinic.other_patient.mrn in text_of(each) for each in pages[:2]] == [False] * 2
    assert (foreign.status_code, foreign.get_data()) == (404, missing.get_data())
    assert "/clinic/emergency" in pages[1].get_data(as_text=True)


def test_on_every_page_a_patient_of_another_caseload_is_as_one_who_does_not_exist(
    app: Flask, session: Session, clinic: Clinic, sent: dict[str, str]
) -> None:
    ids = add_targets(session, clinic, other=True)
    for alert in session.query(Alert).filter_by(practice_id=clinic.id):
        alert.owner_id = alert.acknowledged_by = clinic.clinician.id
    session.query(CareAssignment).delete()
    person = builders.staff(session, clinic.practice, role=StaffRole.clinician)
    session.commit()
    desk = desk_of(app, session, person)
    rules = [route for route, who in PARTS["patients"].items() if who is not None and StaffRole.clinician in who]
    walked = [route for route in rules if " /clinic/" in route and "{" in route]
    came = {}
    for route in walked:
        method, path = route.split(" ")
        ask = desk.get if method == "GET" else desk.post
        answers = [ask(path.format_map(named)) for named in (ids, MISSING | {"member_id": ids["member_id"]})]
        came[route] = [(each.status_code, each.get_data()) for each in answers]

    assert len(walked) >= 15
    assert {route for route, (other, _) in came.items() if other[0] != 404} <= FIRST_JUDGED
    assert {route for route, (other, missing) in came.items() if other != missing} == set()


def test_what_is_wrong_stands_on_the_form(desk: Desk, sent: dict[str, str]) -> None:
    wrong = desk.post("/clinic/emergency", sent | {"date_of_birth": "yesterday", "note": ""})
    unknown = desk.post("/clinic/emergency", sent | {"mrn": "SP-NOBODY"})

    assert (wrong.status_code, unknown.status_code) == (422, 404)
    assert wrong.get_data(as_text=True).count('aria-invalid="true"') == 2
