"""Reports of milestones: they take messages back, say honestly what became of each, and lift no limit by themselves."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from models import Delivery, MilestoneProgress, Reminder
from models.care import Reporter
from models.reminder import DeliveryState
from schedules.plan.vocabulary import ReminderState, SurgeryStatus
from tests.api.conftest import Caller, Clinic, Look

MilestoneId = Callable[[str], str]


def planned(look: Look, milestone_id: str) -> list[Reminder]:
    return look(Reminder, milestone_id=milestone_id, state=ReminderState.planned)


def test_a_reached_milestone_takes_its_messages_back(
    patient: Caller, clinic: Clinic, look: Look, milestone_id: MilestoneId
) -> None:
    walking = milestone_id("walk30")
    waiting = {row.id for row in planned(look, walking)}

    answer = patient.post(f"/milestones/{walking}/achieve", {"note": "All around the park"})

    (progress,) = look(MilestoneProgress, practice_id=clinic.id, id=walking)
    assert waiting
    assert answer.json["achieved_on"] == "2026-03-02"
    assert {each["reminder_id"]: each["answer"] for each in answer.json["reminders"]} == dict.fromkeys(
        waiting, "effective"
    )
    assert planned(look, walking) == []
    assert (progress.note, progress.reported_by) == ("All around the park", Reporter.patient)
    assert b"park" not in (progress.note_sealed or b"")


@pytest.mark.parametrize(
    ("state", "answer"), [(DeliveryState.sending, "in_flight"), (DeliveryState.sent, "already_sent")]
)
def test_a_message_on_its_way_or_gone_is_told_as_such(
    patient: Caller, session: Session, look: Look, milestone_id: MilestoneId, state: DeliveryState, answer: str
) -> None:
    walking = milestone_id("walk30")
    first = planned(look, walking)[0]
    delivery = session.query(Delivery).filter_by(practice_id=first.practice_id, reminder_id=first.id).one()
    delivery.state = state
    session.commit()

    answered = patient.post(f"/milestones/{walking}/achieve")

    told = {each["reminder_id"]: each["answer"] for each in answered.json["reminders"]}
    assert told[first.id] == answer


def test_reporting_twice_changes_nothing_more(
    patient: Caller, clinic: Clinic, look: Look, milestone_id: MilestoneId
) -> None:
    walking = milestone_id("walk30")
    patient.post(f"/milestones/{walking}/achieve")
    (once,) = look(MilestoneProgress, practice_id=clinic.id, id=walking)

    again = patient.post(f"/milestones/{walking}/achieve")

    (twice,) = look(MilestoneProgress, practice_id=clinic.id, id=walking)
    assert again.status_code == 200
    assert once.rev == twice.rev


@pytest.mark.parametrize("key", ["drive", "blt_end", "rtw_light", "sport_low"])
def test_a_patient_does_not_lift_a_limit(
    patient: Caller, clinician: Caller, clinic: Clinic, look: Look, milestone_id: MilestoneId, key: str
) -> None:
    path = f"/milestones/{milestone_id(key)}/achieve"

    by_patient = patient.post(path)
    stored_before = look(MilestoneProgress, practice_id=clinic.id, id=milestone_id(key))
    by_clinician = clinician.post(path)

    assert (by_patient.status_code, stored_before, by_clinician.status_code) == (403, [], 200)


@pytest.mark.parametrize(
    ("day", "status"),
    [("2026-03-03", 200), ("2026-03-04", 422), ("2026-02-23", 200), ("2026-02-22", 422), ("9999-12-31", 422)],
)
@pytest.mark.sqlite_only
def test_a_milestone_is_reached_from_the_surgery_to_tomorrow(
    patient: Caller, milestone_id: MilestoneId, day: str, status: int
) -> None:
    answer = patient.post(f"/milestones/{milestone_id('walk30')}/achieve", {"achieved_on": day})

    assert answer.status_code == status


def test_a_skipped_milestone_has_a_reason_and_no_messages(
    coordinator: Caller, look: Look, milestone_id: MilestoneId
) -> None:
    walking = milestone_id("walk30")

    answer = coordinator.post(f"/milestones/{walking}/skip", {"reason": "other", "text": "Uses a wheelchair"})

    assert (answer.json["skip_reason"], answer.json["note"]) == ("other", "Uses a wheelchair")
    assert planned(look, walking) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"reason": "other"}, 422),
        ({"reason": "not_applicable", "text": "because"}, 422),
        ({"reason": "bored"}, 422),
        ({}, 422),
        ({"reason": "died"}, 403),
        ({"reason": "patient_declined"}, 200),
    ],
)
@pytest.mark.sqlite_only
def test_a_patient_skips_for_a_reason_of_the_patients_own(
    patient: Caller, milestone_id: MilestoneId, body: dict[str, str], status: int
) -> None:
    assert patient.post(f"/milestones/{milestone_id('walk30')}/skip", body).status_code == status


def test_what_is_reached_is_not_skipped_and_the_other_way_round(patient: Caller, milestone_id: MilestoneId) -> None:
    walking, sitting = milestone_id("walk30"), milestone_id("sit60")
    patient.post(f"/milestones/{walking}/achieve")
    patient.post(f"/milestones/{sitting}/skip", {"reason": "not_applicable"})

    skipped = patient.post(f"/milestones/{walking}/skip", {"reason": "not_applicable"})
    achieved = patient.post(f"/milestones/{sitting}/achieve")

    assert (skipped.status_code, achieved.status_code) == (409, 409)


def test_a_report_taken_back_brings_the_messages_back(
    patient: Caller, clinic: Clinic, look: Look, milestone_id: MilestoneId
) -> None:
    walking = milestone_id("walk30")
    before = {row.id for row in planned(look, walking)}
    patient.post(f"/milestones/{walking}/achieve", {"note": "a note"})

    answer = patient.post(f"/milestones/{walking}/reopen")

    (progress,) = look(MilestoneProgress, practice_id=clinic.id, id=walking)
    assert answer.status_code == 200
    assert (answer.json["achieved_on"], progress.achieved_on, progress.note) == (None, None, None)
    assert {row.id for row in planned(look, walking)} == before


def test_a_cancelled_milestone_takes_no_report(
    coordinator: Caller, clinic: Clinic, look: Look, session: Session, milestone_id: MilestoneId
) -> None:
    walking = milestone_id("walk30")
    clinic.surgery.status = SurgeryStatus.planned
    session.add(clinic.surgery)
    session.commit()
    coordinator.amend(f"/surgeries/{clinic.surgery.id}", {"status": "cancelled"})

    assert coordinator.post(f"/milestones/{walking}/achieve").status_code == 409


def test_what_is_reached_keeps_its_day_when_it_is_sent_again_later(patient: Caller, milestone_id: MilestoneId) -> None:
    walking = milestone_id("walk30")
    patient.post(f"/milestones/{walking}/achieve", {"achieved_on": "2026-02-27"})

    again = patient.post(f"/milestones/{walking}/achieve")

    assert again.json["achieved_on"] == "2026-02-27"


@pytest.mark.sqlite_only
def test_an_item_before_surgery_was_not_reached_in_another_century(patient: Caller, milestone_id: MilestoneId) -> None:
    baseline = milestone_id("prom_baseline")

    days = ("0026-03-02", "1989-12-31", "2026-02-20")
    answers = [patient.post(f"/milestones/{baseline}/achieve", {"achieved_on": day}) for day in days]

    assert [answer.status_code for answer in answers] == [422, 422, 200]


def test_a_patient_does_not_take_back_what_the_clinic_skipped(
    patient: Caller, coordinator: Caller, milestone_id: MilestoneId
) -> None:
    walking, sitting = milestone_id("walk30"), milestone_id("sit60")
    coordinator.post(f"/milestones/{walking}/skip", {"reason": "transferred"})
    patient.post(f"/milestones/{sitting}/skip", {"reason": "patient_declined"})

    answers = [patient.post(f"/milestones/{each}/reopen") for each in (walking, sitting)]

    assert [answer.status_code for answer in answers] == [403, 200]
    assert coordinator.post(f"/milestones/{walking}/reopen").status_code == 200
