"""Episodes: one patient's course of care, with its end."""

import pytest

from models import Episode, Reminder
from schedules.plan.vocabulary import ReminderState
from tests.api.conftest import Caller, Clinic, Look

PATH = "/episodes/0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d"


def test_an_episode_sent_twice_is_stored_once(coordinator: Caller, clinic: Clinic) -> None:
    body = {"patient_id": clinic.patient.id, "label": "E2", "coordinator_id": clinic.coordinator.id}

    first, second = coordinator.put(PATH, body), coordinator.put(PATH, body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert first.json["enrolled_at"] == "2026-03-02T15:00:00Z"
    assert first.json["status"] == "active"


def test_a_label_is_used_once_for_a_patient(coordinator: Caller, clinic: Clinic) -> None:
    same = coordinator.put(PATH, {"patient_id": clinic.patient.id, "label": clinic.episode.label})
    others = coordinator.put(PATH, {"patient_id": clinic.other_patient.id, "label": clinic.episode.label})

    assert (same.status_code, others.status_code) == (409, 201)


def test_a_patient_or_coordinator_of_another_clinic_is_like_none(
    coordinator: Caller, clinic: Clinic, foreign_clinic: Clinic, look: Look
) -> None:
    bodies = [
        {"patient_id": foreign_clinic.patient.id, "label": "E2"},
        {"patient_id": "nobody", "label": "E2"},
        {"patient_id": clinic.patient.id, "label": "E2", "coordinator_id": foreign_clinic.coordinator.id},
        {"patient_id": clinic.patient.id, "label": "E2", "coordinator_id": "nobody"},
    ]

    foreign_patient, no_patient, foreign_staff, no_staff = (coordinator.put(PATH, body) for body in bodies)

    assert foreign_patient.status_code == foreign_staff.status_code == 404
    assert foreign_patient.get_data() == no_patient.get_data()
    assert foreign_staff.get_data() == no_staff.get_data()
    assert look(Episode, id=PATH.rsplit("/", maxsplit=1)[-1]) == []


def test_an_episode_never_changes_its_patient(coordinator: Caller, clinic: Clinic) -> None:
    answer = coordinator.amend(f"/episodes/{clinic.episode.id}", {"patient_id": clinic.other_patient.id})

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/patient_id")


@pytest.mark.parametrize("status", ["closed", "died", "withdrawn", "transferred"])
def test_the_end_of_care_withdraws_what_was_not_sent(
    coordinator: Caller, clinic: Clinic, look: Look, status: str
) -> None:
    answer = coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": status})

    rows = look(Reminder, practice_id=clinic.id, episode_id=clinic.episode.id)
    assert answer.status_code == 200
    assert all(row.state is not ReminderState.planned for row in rows)
    assert {row.reason for row in rows if row.state is ReminderState.cancelled} == {status}
    others = look(Reminder, practice_id=clinic.id, episode_id=clinic.other_episode.id)
    assert any(row.state is ReminderState.planned for row in others)


def test_the_end_of_care_takes_back_what_the_clinic_was_asked(coordinator: Caller, clinic: Clinic) -> None:
    body = {"episode_id": clinic.episode.id, "procedure": "tlif", "approach": "open", "levels": ["L4-L5"], "stage": 2}
    coordinator.put("/surgeries/k7Qm2pXcV9sLwRtA", body | {"surgery_on": "2026-05-04"})
    before = coordinator.get("/tasks?kind=arrival_time").json["items"]

    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": "withdrawn"})

    assert [task["surgery_id"] for task in before] == ["k7Qm2pXcV9sLwRtA"]
    assert coordinator.get("/tasks?kind=arrival_time").json["items"] == []


def test_care_that_resumes_is_planned_again(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    path = f"/episodes/{clinic.episode.id}"
    coordinator.amend(path, {"status": "closed"})

    coordinator.amend(path, {"status": "active"})

    rows = look(Reminder, practice_id=clinic.id, episode_id=clinic.episode.id)
    assert any(row.state is ReminderState.planned for row in rows)


def test_a_patient_lists_own_episodes_and_changes_none(patient: Caller, clinic: Clinic) -> None:
    listed = patient.get(f"/patients/{clinic.patient.id}/episodes")
    changed = patient.patch(f"/episodes/{clinic.episode.id}", {"status": "closed"}, match='"1"')

    assert [item["id"] for item in listed.json["items"]] == [clinic.episode.id]
    assert listed.json["next"] is None
    assert changed.status_code == 403
