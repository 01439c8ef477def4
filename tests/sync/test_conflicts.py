"""Edits that cannot both stand: what each becomes, and that both values are listed."""

import pytest
from sqlalchemy.orm import Session

from models import (
    CheckIn,
    Milestone,
    MilestoneProgress,
    ObservedFact,
    Patient,
    RefusedRow,
    SyncConflict,
)
from schedules.plan.vocabulary import CancelReason
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.sync.conftest import OPEN, Find, Phone, Push, check_in, conflicts, made_offline_while_the_clinic_reported


def test_an_offline_report_of_a_later_day_does_not_stand_against_the_clinics_and_both_are_listed(
    phone: Phone, coordinator: Caller, clinic: Clinic, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")

    conflict = made_offline_while_the_clinic_reported(phone, coordinator, walk)
    (healed,) = phone.pull()["changes"]["milestone_progress"]["updated"]

    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"
    assert (healed["id"], healed["achieved_on"], healed["note"]) == (walk, "2026-03-01", None)
    assert (conflict["collection"], conflict["row_id"]) == ("milestone_progress", walk)
    assert (conflict["patient_id"], conflict["lost_by"], conflict["state"]) == (clinic.patient.id, "patient", "open")
    assert conflict["kept"] == OPEN | {"achieved_on": "2026-03-01"}
    assert conflict["lost"] == OPEN | {"achieved_on": "2026-03-02", "note": "No stick"}


def test_an_offline_report_of_an_earlier_day_stands_and_the_clinics_is_listed(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-02", "note": "By phone"})
    phone.pull()

    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01"}])

    (conflict,) = conflicts(coordinator)
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"
    assert conflict["lost_by"] == "staff"
    assert conflict["lost"] == OPEN | {"achieved_on": "2026-03-02", "note": "By phone"}


@pytest.mark.sqlite_only
def test_a_report_that_says_the_same_is_no_conflict(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-02"})
    phone.pull()

    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-02"}])

    assert look(SyncConflict) == []


@pytest.mark.sqlite_only
def test_a_client_that_merged_by_itself_into_two_states_keeps_the_higher_one(
    phone: Phone, second_phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01"}])
    second_phone.pull()

    merged = {"id": walk, "achieved_on": "2026-03-01", "skip_reason": "patient_declined", "note": "Too tired"}
    second_phone.push(milestone_progress=[merged])

    (conflict,) = conflicts(coordinator)
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"
    assert conflict["lost"] == {"achieved_on": None, "skip_reason": "patient_declined", "note": "Too tired"}


def test_a_coordinators_device_corrects_a_patients_report_and_the_patients_words_are_listed(
    desk: Phone, phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01", "note": "No stick"}])
    desk.pull()

    desk.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-02"}])

    (conflict,) = conflicts(coordinator)
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-02"
    assert (conflict["lost_by"], conflict["lost"]["note"]) == ("patient", "No stick")


@pytest.mark.sqlite_only
def test_a_phone_and_the_clinic_that_change_different_fields_both_have_their_way(
    push_with_base: Push, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    base = {"language": "en", "time_zone": "America/New_York"}
    coordinator.amend(f"/patients/{clinic.patient.id}", {"language": "es"})

    push_with_base("patients", clinic.patient.id, base=base, language="en", time_zone="America/Chicago")

    (row,) = look(Patient, id=clinic.patient.id)
    assert (row.language, row.time_zone) == ("es", "America/Chicago")
    assert look(SyncConflict) == []


def test_a_phone_and_the_clinic_that_change_one_field_end_with_the_later_and_both_are_listed(
    push_with_base: Push, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"time_zone": "America/Denver"})

    push_with_base("patients", clinic.patient.id, base={"time_zone": "America/New_York"}, time_zone="America/Chicago")

    (conflict,) = conflicts(coordinator)
    assert look(Patient, id=clinic.patient.id)[0].time_zone == "America/Chicago"
    assert (conflict["kept"], conflict["lost"], conflict["lost_by"]) == (
        {"time_zone": "America/Chicago"}, {"time_zone": "America/Denver"}, "staff",
    )  # fmt: skip


def test_an_offline_report_on_what_the_clinic_cancelled_is_listed_and_let_go(
    phone: Phone, coordinator: Caller, clinic: Clinic, session: Session, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    milestone = session.get_one(Milestone, (clinic.id, walk))
    milestone.cancelled_at, milestone.cancel_reason = MONDAY_AFTERNOON, CancelReason.surgery_cancelled
    session.commit()

    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01", "note": "No stick"}])
    pulled = phone.pull()

    (conflict,) = conflicts(coordinator)
    assert look(MilestoneProgress) == []
    assert conflict["kept"] == {"cancel_reason": "surgery_cancelled"}
    assert conflict["lost"] == {"achieved_on": "2026-03-01", "note": "No stick"}
    assert pulled["changes"]["milestone_progress"]["deleted"] == [walk]
    assert coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"}).status_code == 409


@pytest.mark.sqlite_only
def test_a_delete_on_a_device_takes_nothing_away_that_the_clinic_changed(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-01"})

    pushed = phone.push_body({"milestone_progress": {"created": [], "updated": [], "deleted": [walk]}})
    pulled = phone.pull()

    assert pushed.json["reasserted"] == 1
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"
    assert [row["id"] for row in pulled["changes"]["milestone_progress"]["updated"]] == [walk]
    assert (look(SyncConflict), look(RefusedRow)) == ([], [])


def test_a_push_that_comes_twice_lists_its_conflict_once(
    push_with_base: Push, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-01"})

    counted = [
        push_with_base("milestone_progress", walk, base=OPEN, **OPEN | {"achieved_on": "2026-03-02"}).conflicts
        for _ in range(2)
    ]

    assert counted == [1, 0]
    assert len(look(SyncConflict)) == 1


def test_a_collision_that_comes_again_after_it_was_settled_is_listed_anew_and_once(
    push_with_base: Push, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-01"})

    def collide() -> int:
        wanted = OPEN | {"achieved_on": "2026-03-02"}
        return push_with_base("milestone_progress", walk, base=OPEN, **wanted).conflicts

    def settle() -> str:
        (conflict,) = conflicts(coordinator)
        assert coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "kept"}).status_code == 200
        return str(conflict["id"])

    counted = [collide()]
    settled = [settle()]
    counted += [collide(), collide()]
    settled.append(settle())
    counted += [collide(), collide()]

    (still_open,) = conflicts(coordinator)
    assert counted == [1, 1, 0, 1, 0]
    assert [each["id"] for each in conflicts(coordinator, state="resolved")] == settled
    assert still_open["id"] not in settled
    assert len(look(SyncConflict)) == 3


@pytest.mark.sqlite_only
def test_a_changed_column_alone_amends_a_fact_about_a_surgery(
    push_with_base: Push, phone: Phone, clinic: Clinic, look: Look
) -> None:
    fact = {"episode_id": clinic.episode.id, "surgery_id": clinic.surgery.id, "what": "opioid_taken"}
    phone.push(observations=[fact | {"id": "o-1", "observed_at": 1_772_366_400_000}])

    applied = push_with_base("observations", "o-1", base=None, observed_at=1_772_452_800_000)

    assert applied.outcomes == ["stored"]
    assert look(ObservedFact)[0].observed_at.isoformat() == "2026-03-02T12:00:00+00:00"


@pytest.mark.sqlite_only
def test_another_time_of_seeing_a_reminder_is_no_conflict(
    phone: Phone, second_phone: Phone, clinic: Clinic, look: Look
) -> None:
    due = next(row for row in phone.rows["reminders"].values() if row["due_at"] < 1_772_460_000_000)
    seen = {"id": f"{due['id']}.ack", "reminder_id": due["id"], "acknowledged_at": 1_772_460_000_000}
    phone.push(reminder_acks=[seen])
    second_phone.pull()

    second_phone.push(reminder_acks=[seen | {"acknowledged_at": 1_772_463_600_000}])

    assert (look(SyncConflict), look(RefusedRow)) == ([], [])


def test_what_may_not_be_changed_in_a_stored_row_is_listed_as_lost(
    phone: Phone, desk: Phone, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", note="Slept well")])
    desk.pull()

    desk.push(check_ins=[check_in(clinic, "c-1", note="Slept badly, she says")])
    phone.pull()
    phone.push(check_ins=[check_in(clinic, "c-1", pain=42, note="Slept well")])

    assert [(row.pain, row.note) for row in look(CheckIn)] == [(4, "Slept well")]
    listed = {each["lost_by"]: (each["kept"], each["lost"]) for each in conflicts(coordinator)}
    assert listed == {
        "staff": ({"note": "Slept well"}, {"note": "Slept badly, she says"}),
        "patient": ({"pain": 4}, {"pain": 42}),
    }
