"""Patients: stored once, changed only by who has seen the last change, listed by name."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from models import Delivery, Patient, Reminder
from models.reminder import DeliveryState
from schedules.plan.vocabulary import EpisodeStatus, ReminderState
from tests import builders
from tests.api.conftest import Caller, Clinic, Look

TOMORROW = datetime(2026, 3, 4, tzinfo=UTC)
BODY = {
    "mrn": "SP200417",
    "given_name": "Maya",
    "family_name": "Okafor",
    "date_of_birth": "1971-08-30",
    "language": "es",
    "country": "US",
    "time_zone": "America/Chicago",
    "units": "metric",
    "channels": ["push", "email"],
    "email": "maya.okafor@example.org",
    "phone": "+13125550123",
}


@pytest.mark.parametrize(
    "patient_id",
    ["k7Qm2pXcV9sLwRtA", "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d", "01JQZX4Y7T0V5N8M2K3P6R9S1A", "-_x", "a|b"],
)
def test_a_patient_sent_twice_is_stored_once_under_the_clients_id(
    coordinator: Caller, clinic: Clinic, look: Look, patient_id: str
) -> None:
    first, second = (coordinator.put(f"/patients/{patient_id}", BODY) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert first.headers["ETag"] == second.headers["ETag"] == f'"{first.json["rev"]}"'
    (row,) = look(Patient, practice_id=clinic.id, mrn="SP200417")
    assert (row.id, row.email, row.phone) == (patient_id, "maya.okafor@example.org", "+13125550123")


def test_a_different_body_needs_the_etag_of_what_is_stored(coordinator: Caller, clinic: Clinic) -> None:
    path = "/patients/k7Qm2pXcV9sLwRtA"
    created = coordinator.put(path, BODY)

    without = coordinator.put(path, BODY | {"units": "imperial"})
    stale = coordinator.put(path, BODY | {"units": "imperial"}, match='"1"')
    weak = coordinator.put(path, BODY | {"units": "imperial"}, match=f"W/{created.headers['ETag']}")
    right = coordinator.put(path, BODY | {"units": "imperial"}, match=created.headers["ETag"])

    assert [each.status_code for each in (without, stale, weak, right)] == [428, 412, 412, 200]
    assert right.json["units"] == "imperial"
    assert right.json["rev"] > created.json["rev"]
    assert right.headers["ETag"] != created.headers["ETag"]


def test_an_etag_of_a_record_that_does_not_exist_creates_nothing(
    coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    answer = coordinator.put("/patients/k7Qm2pXcV9sLwRtA", BODY, match='"7"')

    assert answer.status_code == 412
    assert look(Patient, practice_id=clinic.id, id="k7Qm2pXcV9sLwRtA") == []


def test_of_two_changes_made_from_one_revision_the_second_is_refused(coordinator: Caller, clinic: Clinic) -> None:
    path = f"/patients/{clinic.patient.id}"
    etag = coordinator.get(path).headers["ETag"]

    first = coordinator.patch(path, {"language": "es"}, match=etag)
    second = coordinator.patch(path, {"units": "metric"}, match=etag)

    assert (first.status_code, second.status_code) == (200, 412)
    assert coordinator.get(path).json["units"] == "imperial"


def test_a_patch_needs_an_etag_and_leaves_alone_what_it_does_not_name(coordinator: Caller, clinic: Clinic) -> None:
    path = f"/patients/{clinic.patient.id}"
    before = coordinator.get(path).json

    refused = coordinator.patch(path, {"language": "es"})
    answer = coordinator.amend(path, {"language": "es"})

    assert (refused.status_code, answer.status_code) == (428, 200)
    assert answer.json == before | {"language": "es", "rev": answer.json["rev"]}


def test_an_unchanged_patient_answers_304(coordinator: Caller, clinic: Clinic) -> None:
    path = f"/patients/{clinic.patient.id}"
    etag = coordinator.get(path).headers["ETag"]

    answer = coordinator.get(path, headers={"If-None-Match": etag})
    changed = coordinator.get(path, headers={"If-None-Match": '"1"'})

    assert (answer.status_code, answer.get_data(), answer.headers["ETag"]) == (304, b"", etag)
    assert changed.status_code == 200


def test_an_mrn_belongs_to_one_patient_of_a_practice(
    coordinator: Caller, clinic: Clinic, foreign_clinic: Clinic
) -> None:
    taken = coordinator.put("/patients/k7Qm2pXcV9sLwRtA", BODY | {"mrn": clinic.patient.mrn})
    elsewhere = coordinator.put("/patients/k7Qm2pXcV9sLwRtA", BODY | {"mrn": foreign_clinic.patient.mrn})

    assert (taken.status_code, elsewhere.status_code) == (409, 201)
    assert clinic.patient.mrn not in taken.get_data(as_text=True)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"time_zone": "America/New_Yrok"}, "/time_zone"),
        ({"email": "not-an-address"}, "/email"),
        ({"phone": "555-0123"}, "/phone"),
        ({"quiet_from": "21:00"}, "/quiet_until"),
        ({"quiet_from": "21:00", "quiet_until": "21:00"}, "/quiet_until"),
        ({"quiet_from": "24:00", "quiet_until": "08:00"}, "/quiet_from"),
        ({"channels": ["email", "email"]}, "/channels"),
        ({"channels": ["pigeon"]}, "/channels/0"),
        ({"date_of_birth": "2026-03-03"}, "/date_of_birth"),
        ({"died_on": "2026-03-04"}, "/died_on"),
        ({"country": "us"}, "/country"),
        ({"country": "US\n"}, "/country"),
        ({"given_name": "   "}, "/given_name"),
        ({"wants_contact_sport": "yes"}, "/wants_contact_sport"),
        ({"mrn": None}, "/mrn"),
    ],
)
@pytest.mark.sqlite_only
def test_facts_that_are_not_possible_are_refused_with_their_place(
    coordinator: Caller, clinic: Clinic, change: dict[str, object], pointer: str
) -> None:
    answer = coordinator.amend(f"/patients/{clinic.patient.id}", change)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_the_caseload_is_listed_by_name_page_by_page(coordinator: Caller, session: Session, clinic: Clinic) -> None:
    for name in ("Okafor", "Abdi", "Marsh"):
        builders.patient(session, clinic.practice, family_name=name)
    session.commit()

    names, path = [], "/patients?limit=2"
    while path:
        page = coordinator.get(path).json
        assert len(page["items"]) <= 2
        names += [item["family_name"] for item in page["items"]]
        path = f"/patients?limit=2&after={page['next']}" if page["next"] else ""

    assert names == ["Abdi", "Marsh", "Okafor", "Sample", "Sample"]


def test_a_cursor_works_for_its_own_list_and_practice_only(
    coordinator: Caller, foreign_staff: Caller, clinic: Clinic
) -> None:
    cursor = coordinator.get("/patients?limit=1").json["next"]

    answers = [
        coordinator.get(f"/patients?after={cursor}"),
        foreign_staff.get(f"/patients?after={cursor}"),
        coordinator.get(f"/tasks?after={cursor}"),
        coordinator.get(f"/patients?after={cursor[:-1]}{'A' if cursor[-1] != 'A' else 'B'}x"),
    ]

    assert [answer.status_code for answer in answers] == [200, 400, 400, 400]
    assert "Sample" not in cursor


def test_the_caseload_is_filtered_by_status_coordinator_and_mrn(
    coordinator: Caller, session: Session, clinic: Clinic
) -> None:
    clinic.other_episode.status = EpisodeStatus.closed
    clinic.episode.coordinator_id = clinic.coordinator.id
    session.add_all([clinic.other_episode, clinic.episode])
    session.commit()

    def found(query: str) -> list[str]:
        return [item["id"] for item in coordinator.get(f"/patients?{query}").json["items"]]

    assert found("status=closed") == [clinic.other_patient.id]
    assert found(f"coordinator_id={clinic.coordinator.id}&status=active") == [clinic.patient.id]
    assert found(f"coordinator_id={clinic.coordinator.id}&status=closed") == []
    assert found(f"mrn={clinic.patient.mrn}") == [clinic.patient.id]


def test_a_patient_changes_zone_and_quiet_hours_but_no_clinical_fact(patient: Caller, clinic: Clinic) -> None:
    path = f"/patients/{clinic.patient.id}"

    allowed = patient.amend(path, {"time_zone": "Asia/Kathmandu", "quiet_from": "21:00", "quiet_until": "08:00"})
    refused = patient.amend(path, {"opioid_use": "none_taken"})

    assert (allowed.status_code, refused.status_code) == (200, 403)
    assert refused.json["errors"][0]["pointer"] == "/opioid_use"


def test_a_new_zone_moves_the_reminders_ahead_to_the_new_wall_time(patient: Caller, clinic: Clinic, look: Look) -> None:
    def wall_hours(zone: str) -> dict[str, int]:
        rows = look(Reminder, practice_id=clinic.id, patient_id=clinic.patient.id, state=ReminderState.planned)
        return {row.id: row.due_at.astimezone(ZoneInfo(zone)).hour for row in rows if row.due_at > TOMORROW}

    before = wall_hours("America/New_York")
    patient.amend(f"/patients/{clinic.patient.id}", {"time_zone": "Asia/Tokyo"})

    assert len(before) > 10
    assert wall_hours("Asia/Tokyo") == before


def test_nobody_writes_to_the_dead(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    answer = coordinator.amend(f"/patients/{clinic.patient.id}", {"died_on": "2026-03-01"})

    rows = look(Reminder, practice_id=clinic.id, patient_id=clinic.patient.id)
    deliveries = look(Delivery, practice_id=clinic.id, patient_id=clinic.patient.id)
    assert answer.status_code == 200
    assert rows
    assert all(row.state is not ReminderState.planned for row in rows)
    assert {row.reason for row in rows if row.state is ReminderState.cancelled} == {"died"}
    assert all(each.state is DeliveryState.cancelled for each in deliveries)


def test_consent_to_details_is_the_clinics_to_record_and_to_take_back(
    coordinator: Caller, patient: Caller, clinic: Clinic
) -> None:
    path, at = f"/patients/{clinic.patient.id}", "2026-03-02T14:30:00Z"

    given = coordinator.amend(path, {"details_consent_at": at})
    by_patient = patient.amend(path, {"details_consent_at": None})
    ahead = coordinator.amend(path, {"details_consent_at": "2026-03-04T00:00:00Z"})
    withdrawn = coordinator.amend(path, {"details_consent_at": None})

    assert (given.status_code, given.json["details_consent_at"]) == (200, at)
    assert by_patient.status_code == 403
    assert (ahead.status_code, ahead.json["errors"][0]["pointer"]) == (422, "/details_consent_at")
    assert (withdrawn.status_code, withdrawn.json["details_consent_at"]) == (200, None)


def test_a_patient_stops_a_category_and_takes_it_up_again(patient: Caller, clinic: Clinic) -> None:
    path = f"/patients/{clinic.patient.id}"

    stopped = patient.amend(path, {"opted_out_categories": ["activity", "work"]})
    resumed = patient.amend(path, {"opted_out_categories": []})

    assert (stopped.status_code, stopped.json["opted_out_categories"]) == (200, ["activity", "work"])
    assert (resumed.status_code, resumed.json["opted_out_categories"]) == (200, [])


@pytest.mark.parametrize(
    ("categories", "pointer"),
    [(["gossip"], "/opted_out_categories/0"), (["visit", "visit"], "/opted_out_categories")],
)
def test_a_category_is_one_of_the_list_and_named_once(
    coordinator: Caller, clinic: Clinic, categories: list[str], pointer: str
) -> None:
    refused = coordinator.amend(f"/patients/{clinic.patient.id}", {"opted_out_categories": categories})

    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json["errors"]] == [pointer]
