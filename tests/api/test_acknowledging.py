"""A reminder that was seen says so: once, by the patient or for them, and by a report on its milestone."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from models import Milestone, Reminder, Surgery
from models.reminder import Delivery, DeliveryState
from schedules.plan.vocabulary import ReminderState
from schedules.planning import plan_episode
from tests import builders
from tests.api.conftest import Caller, Clinic, Look
from tests.api.test_reminders import goal_of
from tests.clock import MONDAY_AFTERNOON, FixedClock

LATER = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


@pytest.fixture
def repeat(session: Session, sent: Reminder) -> Delivery:
    """Return the step that says it again on another channel if nobody answers."""
    delivery = builders.delivery(session, sent, id=f"{sent.id}.1.1", step=1, after_silence=True)
    session.commit()
    return delivery


@pytest.fixture
def sent(session: Session, clinic: Clinic, look: Look) -> Reminder:
    """Return the reminder to walk, sent an hour ago and shown as sent."""
    (walking,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.episode.id, key="walk30")
    (found,) = look(Reminder, milestone_id=walking.id, key="encourage")
    reminder = session.get_one(Reminder, (clinic.id, found.id))
    delivery = session.get_one(Delivery, (clinic.id, f"{found.id}.1.0"))
    delivery.state, delivery.finished_at, delivery.published = DeliveryState.sent, found.due_at, True
    reminder.state, reminder.sent_at = ReminderState.sent, found.due_at
    session.commit()
    return reminder


def story(caller: Caller, reminder: Reminder) -> list[tuple[str, str | None]]:
    lines = caller.get(f"/reminders/{reminder.id}/decisions").json["items"]
    return [(each["kind"], each["words"]) for each in lines]


def test_what_the_patient_saw_is_noted_once_and_the_first_time_stands(
    patient: Caller, coordinator: Caller, sent: Reminder, clock: FixedClock
) -> None:
    first = patient.post(f"/reminders/{sent.id}/acknowledge")
    clock.set_wall_clock(LATER)
    again = coordinator.post(f"/reminders/{sent.id}/acknowledge")

    assert (first.status_code, first.json["acknowledged_at"]) == (200, "2026-03-02T15:00:00Z")
    assert again.json == first.json
    assert story(patient, sent) == [("planned", "planned"), ("acknowledged", "seen")]


@pytest.mark.parametrize(("act", "body"), [("achieve", {}), ("skip", {"reason": "patient_declined"})])
def test_a_report_on_the_milestone_counts_as_seen(
    patient: Caller, clinic: Clinic, look: Look, sent: Reminder, act: str, body: dict[str, str]
) -> None:
    answered = patient.post(f"/milestones/{sent.milestone_id}/{act}", body)

    seen = {row.id: row.acknowledged_at for row in look(Reminder, milestone_id=sent.milestone_id)}
    assert {"reminder_id": sent.id, "answer": "already_sent"} in answered.json["reminders"]
    assert {key: at for key, at in seen.items() if at is not None} == {sent.id: MONDAY_AFTERNOON}


@pytest.mark.parametrize(
    ("act", "body", "reason"),
    [
        ("/reminders/{reminder}/acknowledge", {}, "acknowledged"),
        ("/milestones/{milestone}/achieve", {}, "achieved"),
        ("/milestones/{milestone}/skip", {"reason": "patient_declined"}, "skipped"),
    ],
)
def test_what_was_seen_is_not_said_again_and_stays_shown_as_sent(
    patient: Caller, look: Look, sent: Reminder, repeat: Delivery, act: str, body: dict[str, str], reason: str
) -> None:
    patient.post(act.format(reminder=sent.id, milestone=sent.milestone_id), body)

    (step,) = look(Delivery, id=repeat.id)
    (row,) = look(Reminder, id=sent.id)
    assert (step.state, step.reason) == (DeliveryState.cancelled, reason)
    assert (row.state, row.acknowledged_at) == (ReminderState.sent, MONDAY_AFTERNOON)


def test_the_patients_death_stops_the_repeat(coordinator: Caller, clinic: Clinic, look: Look, repeat: Delivery) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"died_on": "2026-03-02"})

    (step,) = look(Delivery, id=repeat.id)
    assert (step.state, step.reason) == (DeliveryState.cancelled, "died")


def test_what_is_not_due_yet_cannot_have_been_seen(patient: Caller, clinic: Clinic, look: Look) -> None:
    goal = goal_of(clinic, look)

    refused = patient.post(f"/reminders/{goal.id}/acknowledge")

    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    assert look(Reminder, id=goal.id)[0].acknowledged_at is None


def test_nobody_acknowledges_for_another_patient(other_patient: Caller, foreign_staff: Caller, sent: Reminder) -> None:
    assert other_patient.post(f"/reminders/{sent.id}/acknowledge").status_code == 404
    assert foreign_staff.post(f"/reminders/{sent.id}/acknowledge").status_code == 404


def test_what_is_planned_again_for_another_day_has_not_been_seen(
    patient: Caller, session: Session, clinic: Clinic, sent: Reminder, look: Look
) -> None:
    patient.post(f"/reminders/{sent.id}/acknowledge")
    session.expire_all()
    session.get_one(Surgery, (clinic.id, clinic.surgery.id)).surgery_on = date(2026, 3, 2)

    plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON)
    session.commit()

    (row,) = look(Reminder, id=sent.id)
    assert (row.generation, row.state, row.acknowledged_at) == (2, ReminderState.planned, None)
