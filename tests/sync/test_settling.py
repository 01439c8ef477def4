"""Edits of which one was lost: staff write it again or close it, and find all of them listed."""

import pytest

from models import (
    CheckIn,
    FormerVersion,
    MilestoneProgress,
)
from models.reminder import Delivery, DeliveryState, Reminder
from tests.api.conftest import Caller, Clinic, Look
from tests.sync.conftest import OPEN, Find, Phone, Push, check_in, conflicts, made_offline_while_the_clinic_reported


def test_what_was_lost_is_written_again_in_the_coordinators_name(
    phone: Phone, coordinator: Caller, clinic: Clinic, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    conflict = made_offline_while_the_clinic_reported(phone, coordinator, walk)

    answer = coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"})
    phone.pull()

    (row,) = look(MilestoneProgress)
    assert (answer.status_code, answer.json["state"], answer.json["resolution"]) == (200, "resolved", "restored")
    assert (answer.json["resolved_by"], answer.json["resolved_at"]) == (clinic.coordinator.id, "2026-03-02T15:00:00Z")
    assert (str(row.achieved_on), row.note, row.reported_by) == ("2026-03-02", "No stick", "staff")
    assert phone.rows["milestone_progress"][walk]["note"] == "No stick"
    assert conflicts(coordinator) == []
    assert [each["id"] for each in conflicts(coordinator, state="resolved")] == [conflict["id"]]


def test_a_conflict_is_closed_where_what_stands_is_right(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    conflict = made_offline_while_the_clinic_reported(phone, coordinator, milestone_id("walk30"))
    path = f"/conflicts/{conflict['id']}/resolve"

    answers = [coordinator.post(path, {"keep": word}) for word in ("kept", "kept", "lost")]

    assert [each.status_code for each in answers] == [200, 200, 409]
    assert answers[0].json == answers[1].json
    assert answers[2].json["errors"][0]["pointer"] == "/keep"
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"


def test_writing_the_lost_value_twice_writes_it_once(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    conflict = made_offline_while_the_clinic_reported(phone, coordinator, milestone_id("walk30"))
    path = f"/conflicts/{conflict['id']}/resolve"

    first, second = (coordinator.post(path, {"keep": "lost"}) for _ in range(2))
    third = coordinator.post(path, {"keep": "kept"})

    assert (first.status_code, second.json, third.status_code) == (200, first.json, 409)
    assert len(look(FormerVersion)) == 1


def test_a_lost_value_that_the_record_has_overtaken_is_not_written(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    conflict = made_offline_while_the_clinic_reported(phone, coordinator, walk)
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-02-28"})

    answer = coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"})

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (409, "/keep")
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-02-28"
    assert [each["id"] for each in conflicts(coordinator)] == [conflict["id"]]


@pytest.mark.sqlite_only
def test_messages_follow_a_value_that_is_written_again(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")

    def states() -> set[DeliveryState]:
        about_it = {row.id for row in look(Reminder, milestone_id=walk)}
        return {row.state for row in look(Delivery) if row.reminder_id in about_it}

    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-02"})
    phone.pull()
    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01"}])
    coordinator.post(f"/milestones/{walk}/reopen")
    planned_again = states()
    (conflict,) = conflicts(coordinator)

    coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"})

    assert DeliveryState.pending in planned_again
    assert DeliveryState.pending not in states()


def test_a_clinician_who_has_the_patient_on_no_panel_settles_too(
    push_with_base: Push, phone: Phone, clinician: Caller, clinic: Clinic, look: Look
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", pain=5)])
    push_with_base("check_ins", "c-1", base={"pain": 4}, pain=7)
    (conflict,) = conflicts(clinician)

    answer = clinician.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"})

    (row,) = look(CheckIn)
    assert answer.status_code == 200, answer.json
    assert (conflict["lost"], row.pain, row.reported_by) == ({"pain": 5}, 5, "patient")


@pytest.mark.sqlite_only
def test_conflicts_are_listed_by_patient_and_in_pages(
    push_with_base: Push, phone: Phone, coordinator: Caller, clinic: Clinic
) -> None:
    phone.push(check_ins=[check_in(clinic, f"c-{number}", pain=5) for number in range(3)])
    for number in range(3):
        push_with_base("check_ins", f"c-{number}", base={"pain": 4}, pain=7)

    first = coordinator.get("/conflicts", query_string={"limit": 2}).json
    second = coordinator.get("/conflicts", query_string={"limit": 2, "after": first["next"]}).json

    assert {each["row_id"] for each in first["items"] + second["items"]} == {"c-0", "c-1", "c-2"}
    assert second["next"] is None
    assert len(conflicts(coordinator, patient_id=clinic.patient.id)) == 3
    assert conflicts(coordinator, patient_id=clinic.other_patient.id) == []
