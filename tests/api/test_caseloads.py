"""Where staff see their own caseload alone, whoever is not on it is as nobody at all: on every route, in every list."""

import json
import re
from datetime import date, time

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from models import Alert, CareAssignment, OnCallShift, Staff
from models.people import StaffRole
from schedules.plan.vocabulary import AlertState
from service.db import db
from service.identity.roles import PARTS, WHO_MAY
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_signed_in, as_staff
from tests.api.every_route import MISSING, PATIENT_BODY, body_of, call, is_about_somebody
from tests.api.route_targets import add_targets
from tests.clock import MONDAY_AFTERNOON

# Synchronisation has its panel, pages are walked beside the others.
ELSEWHERE = re.compile(" /api/v1/sync/| /clinic/")
# Staff whom a route is about, who are no patient.
OF_STAFF = ("member_id",)
LISTS = (
    "/patients", "/alerts?state=acknowledged", "/tasks", "/tasks?state=open", "/conflicts", "/refused-rows",
    "/held-deliveries", "/inbound-messages",
)  # fmt: skip


def limit(session: Session, clinic: Clinic) -> None:
    """Have the clinic's staff see their own caseload alone: the coordinator's is the first patient."""
    clinic.practice.own_caseload_only = True
    clinic.episode.coordinator_id = clinic.coordinator.id
    session.commit()


@pytest.fixture
def targets(session: Session, clinic: Clinic) -> dict[str, dict[str, str]]:
    """Return the ids of what belongs to the coordinator's patient, to another one, and to nobody."""
    found = {"own": add_targets(session, clinic, other=False), "other": add_targets(session, clinic, other=True)}
    for alert in session.query(Alert).filter_by(practice_id=clinic.id):
        alert.owner_id = alert.acknowledged_by = clinic.clinician.id
    session.query(CareAssignment).delete()
    limit(session, clinic)
    return found | {"missing": MISSING}


def walked(role: StaffRole) -> list[str]:
    """Return the routes of the API about one patient that a role may call, but synchronisation, which has its panel."""
    rules = PARTS["patients"].items()
    found = [route for route, who in rules if who is not None and role in who and not ELSEWHERE.search(route)]
    return [route for route in found if is_about_somebody(route)]


Told = tuple[int, bytes, list[tuple[str, str]], int | None]  # status, body, headers, statements


@pytest.mark.parametrize("role", [StaffRole.coordinator, StaffRole.clinician])
def test_on_every_route_a_patient_of_another_caseload_is_as_one_who_does_not_exist(
    role: StaffRole, app: Flask, session: Session, clinic: Clinic, targets: dict[str, dict[str, str]]
) -> None:
    person = builders.staff(session, clinic.practice, role=role)
    clinic.episode.coordinator_id = person.id
    session.commit()
    who, seen = as_signed_in(app, session, person), list[str]()
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *told: seen.append(str(told[2])))
    walls: dict[str, tuple[Told, Told | None]] = {}
    for route in walked(role):
        told: dict[str, Told] = {}
        for target in ("other", "missing"):
            ids = targets[target] | {name: targets["own"][name] for name in OF_STAFF}
            if route == "PUT /api/v1/patients/{patient_id}" and target == "missing":
                continue
            seen.clear()
            answer = call(who, route, ids)
            # Of what is created under an id of the sender's, it is asked besides whether the id is in use.
            asked = None if route.startswith("PUT") else len(seen)
            told[target] = (answer.status_code, answer.get_data(), list(answer.headers), asked)
        walls[route] = (told["other"], told.get("missing"))

    assert len(walls) > 40
    assert {route for route, (other, _) in walls.items() if other[0] != 404} == set()
    assert {route for route, (other, missing) in walls.items() if missing not in (None, other)} == set()


@pytest.mark.parametrize("role", [StaffRole.coordinator, StaffRole.clinician])
@pytest.mark.sqlite_only
def test_whoever_is_on_the_caseload_is_reached_on_every_route(
    role: StaffRole, app: Flask, session: Session, clinic: Clinic, targets: dict[str, dict[str, str]]
) -> None:
    person = builders.staff(session, clinic.practice, role=role)
    clinic.surgery.surgeon_id = person.id
    session.commit()
    who = as_signed_in(app, session, person)

    refused = {route for route in walked(role) if call(who, route, targets["own"]).status_code in (401, 404, 500)}

    assert refused <= {"DELETE /api/v1/patients/{patient_id}/assignments/{member_id}"}  # whom nobody gave


def test_no_list_names_a_patient_of_another_caseload(
    coordinator: Caller, admin: Caller, clinic: Clinic, targets: dict[str, dict[str, str]]
) -> None:
    names = (clinic.other_patient.id, clinic.other_episode.id, targets["other"]["task_id"])

    own = {path: json.dumps(coordinator.get(path).json) for path in LISTS}
    whole = {path: json.dumps(admin.get(path).json) for path in LISTS}

    assert {path for path, told in own.items() if any(name in told for name in names)} == set()
    assert {path for path, told in whole.items() if clinic.other_patient.id in told} == set(LISTS) - {
        "/inbound-messages"
    }
    assert all(clinic.patient.id in own[path] for path in ("/patients", "/alerts?state=acknowledged", "/tasks"))


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Caller:
    return as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


def sees(who: Caller, clinic: Clinic) -> bool:
    """Return whether somebody sees the patient who is on nobody's caseload."""
    return bool(who.get(f"/patients/{clinic.other_patient.id}").status_code == 200)


def test_only_the_admin_switches_it_on_and_it_holds_for_the_next_request(
    app: Flask, session: Session, admin: Caller, coordinator: Caller, clinic: Clinic
) -> None:
    surgeon, before = as_signed_in(app, session, clinic.clinician), sees(coordinator, clinic)

    refused = surgeon.amend("/practice", {"own_caseload_only": True})
    answer = admin.amend("/practice", {"own_caseload_only": True})

    assert (before, refused.status_code, answer.json["own_caseload_only"]) == (True, 403, True)
    assert (sees(coordinator, clinic), sees(surgeon, clinic), sees(admin, clinic)) == (False, False, True)
    assert admin.amend("/practice", {"own_caseload_only": False}).status_code == 200
    assert sees(coordinator, clinic)


def test_a_patient_who_is_given_is_seen_until_taken_back_and_the_giver_may_give_away(
    admin: Caller, coordinator: Caller, clinician: Caller, session: Session, clinic: Clinic
) -> None:
    limit(session, clinic)
    path = f"/patients/{clinic.other_patient.id}/assignments"

    stranger = coordinator.post(path, {"staff_id": clinic.coordinator.id})
    given = [admin.post(path, {"staff_id": clinic.coordinator.id}).status_code for _ in range(2)]
    seen = sees(coordinator, clinic)
    passed_on = coordinator.post(path, {"staff_id": clinic.clinician.id})
    both = [each["staff_id"] for each in clinician.get(path).json["items"]]
    back = coordinator.call("DELETE", f"{path}/{clinic.coordinator.id}")

    assert (stranger.status_code, given, seen, passed_on.status_code, back.status_code) == (
        404,
        [204] * 2,
        True,
        204,
        204,
    )
    assert sorted(both) == sorted([clinic.coordinator.id, clinic.clinician.id])
    assert (sees(coordinator, clinic), sees(clinician, clinic)) == (False, True)


def test_whoever_hands_an_episode_over_does_so_whole_and_then_sees_it_no_more(
    coordinator: Caller, session: Session, clinic: Clinic, look: Look
) -> None:
    limit(session, clinic)
    path = f"/episodes/{clinic.episode.id}"

    answer = coordinator.amend(path, {"coordinator_id": clinic.clinician.id, "status": "paused"})

    assert (answer.status_code, answer.json["status"]) == (200, "paused")
    assert coordinator.get(path).status_code == 404


def test_a_new_patient_is_on_the_caseload_of_who_added_them(
    coordinator: Caller, clinician: Caller, session: Session, clinic: Clinic
) -> None:
    limit(session, clinic)

    new = coordinator.put("/patients/new", PATIENT_BODY | {"mrn": "SP-NEW"})
    episode = coordinator.put("/episodes/new", {"patient_id": "new", "label": "E1"})
    again = clinician.put("/patients/new", PATIENT_BODY | {"mrn": "SP-NEW"})
    taken = coordinator.put("/patients/newer", PATIENT_BODY | {"mrn": clinic.other_patient.mrn})

    assert (new.status_code, episode.status_code) == (201, 201)
    assert (again.status_code, clinician.get("/patients/new").status_code) == (404, 404)
    assert (taken.status_code, taken.json["errors"][0]["pointer"]) == (409, "/mrn")


def test_no_row_of_another_caseload_is_taken_over_or_met_by_its_id(
    coordinator: Caller, clinic: Clinic, targets: dict[str, dict[str, str]]
) -> None:
    own, other = targets["own"], targets["other"]

    came = {
        route: call(coordinator, route, other, body=body_of(route, own)).status_code
        for route in walked(StaffRole.coordinator)
        if route.startswith("PUT ")
    }

    assert len(came) > 6
    assert {route for route, status in came.items() if status not in (404, 422)} == set()


@pytest.mark.sqlite_only
def test_a_file_of_all_patients_is_for_who_sees_them_all(coordinator: Caller, session: Session, clinic: Clinic) -> None:
    limit(session, clinic)

    answer = coordinator.call("POST", "/import", data="mrn\n", content_type="text/csv")

    assert (answer.status_code, answer.json["errors"][0]["got"]) == (403, "own caseload only")


def add_alert(session: Session, clinic: Clinic, **changes: object) -> Alert:
    """Store an open alert about the other patient."""
    alert = Alert(practice_id=clinic.id, id="alert-1", kind="red_flag", urgency="same_day")
    alert.patient_id, alert.episode_id = clinic.other_patient.id, clinic.other_episode.id
    alert.about, alert.raised_at, alert.state = {"red_flag": "calf"}, MONDAY_AFTERNOON, AlertState.open
    for name, value in changes.items():
        setattr(alert, name, value)
    session.add(alert)
    session.commit()
    return alert


def add_shift(session: Session, staff: Staff, from_at: time, until_at: time) -> None:
    days = {"from_on": date(2026, 3, 2), "until_on": date(2026, 3, 2), "from_at": from_at, "until_at": until_at}
    session.add(OnCallShift(practice_id=staff.practice_id, id="shift", staff_id=staff.id, place="first", **days))
    session.commit()


def test_who_is_on_call_opens_the_alert_and_its_patient_until_it_is_closed(
    coordinator: Caller, clinician: Caller, session: Session, clinic: Clinic
) -> None:
    limit(session, clinic)
    add_alert(session, clinic)
    before = coordinator.get("/alerts/alert-1").status_code
    add_shift(session, clinic.coordinator, time(0), time(23))

    seen = [coordinator.get("/alerts/alert-1").status_code, sees(coordinator, clinic)]
    taken = coordinator.post("/alerts/alert-1/acknowledge")
    closed = coordinator.post("/alerts/alert-1/close", {"outcome": "no_action_needed"})

    assert (before, seen, taken.status_code, closed.status_code) == (404, [200, True], 200, 200)
    assert sees(coordinator, clinic) is False
    assert sees(clinician, clinic) is False


def test_a_shift_that_is_over_opens_nothing_but_an_alert_that_one_was_given_does(
    coordinator: Caller, session: Session, clinic: Clinic
) -> None:
    limit(session, clinic)
    add_shift(session, clinic.coordinator, time(0), time(1))
    alert = add_alert(session, clinic)
    after = sees(coordinator, clinic)
    alert.owner_id = clinic.coordinator.id
    session.commit()

    assert (after, sees(coordinator, clinic)) == (False, True)


@pytest.mark.sqlite_only
def test_nothing_is_left_of_one_request_for_the_next_one(
    app: Flask, session: Session, coordinator: Caller, admin: Caller, clinic: Clinic
) -> None:
    limit(session, clinic)
    free = as_staff(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))

    came = [sees(who, clinic) for who in (coordinator, admin, coordinator, free, coordinator)]

    assert came == [False, True, False, True, False]
    assert WHO_MAY["GET /api/v1/patients"] is not None
