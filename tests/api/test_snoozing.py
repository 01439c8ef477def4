"""The patient puts a message off: what waits is held, what went out comes again, what is urgent cannot wait."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import Milestone, Reminder
from models.reminder import Delivery, DeliveryState
from schedules.plan.vocabulary import Channel, ReminderState
from schedules.planning import plan_episode
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, Row
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import claim_all, pass_now

HOUR = timedelta(hours=1)
FOUR_PM = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)


def let_go(session: Session, row: Row) -> Row:
    """Return the row, with the database free for the application to write."""
    session.commit()
    return row


@pytest.fixture
def reminder(session: Session, clinic: Clinic, look: Look) -> Reminder:
    """Return the reminder to walk, which has been due for an hour and waits."""
    (walking,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.episode.id, key="walk30")
    (found,) = look(Reminder, milestone_id=walking.id, key="encourage")
    return let_go(session, session.get_one(Reminder, (clinic.id, found.id)))


@pytest.fixture
def delivery(session: Session, reminder: Reminder) -> Delivery:
    return let_go(session, session.get_one(Delivery, (reminder.practice_id, f"{reminder.id}.1.0")))


@pytest.fixture
def sent(session: Session, reminder: Reminder, delivery: Delivery) -> Reminder:
    """Return the reminder to walk, sent by push an hour ago, with the step that waits for an answer."""
    delivery.state, delivery.channel, delivery.finished_at = DeliveryState.sent, Channel.push, reminder.due_at
    delivery.published = True
    builders.delivery(session, reminder, id=f"{reminder.id}.1.1", step=1, after_silence=True)
    reminder.state, reminder.sent_at, reminder.acknowledged_at = ReminderState.sent, reminder.due_at, MONDAY_AFTERNOON
    session.commit()
    return reminder


def snooze(caller: Caller, reminder: Reminder, minutes: int = 60) -> Any:
    return caller.post(f"/reminders/{reminder.id}/snooze", {"minutes": minutes})


def steps(look: Look, reminder: Reminder) -> list[tuple[int, int, DeliveryState, str | None]]:
    rows = look(Delivery, reminder_id=reminder.id)
    return [(row.generation, row.step, row.state, row.reason) for row in rows]


def test_what_waits_is_held_and_goes_out_then(
    patient: Caller, session: Session, clock: FixedClock, look: Look, reminder: Reminder, delivery: Delivery
) -> None:
    answered = snooze(patient, reminder)
    session.expire_all()
    before = [claim.delivery_id for claim in claim_all(session, clock)]
    clock.advance(HOUR)
    after = [claim for claim in claim_all(session, clock) if claim.delivery_id == delivery.id]

    assert answered.json == {
        "reminder_id": reminder.id,
        "answer": "effective",
        "snoozed_until": "2026-03-02T16:00:00Z",
    }
    assert delivery.id not in before
    assert pass_now(session, after[0], clock.now()) is not None
    (row,) = look(Reminder, id=reminder.id)
    assert (row.snoozed_until, row.due_at, row.generation) == (FOUR_PM, reminder.due_at, 1)


def test_what_went_out_comes_again_as_the_next_generation_without_a_correction(
    patient: Caller, look: Look, sent: Reminder
) -> None:
    answered = snooze(patient, sent)

    again = look(Delivery, reminder_id=sent.id, generation=2)[0]
    (row,) = look(Reminder, id=sent.id)
    lines = patient.get(f"/reminders/{sent.id}/decisions").json["items"]
    assert (answered.json["answer"], answered.json["snoozed_until"]) == ("already_sent", "2026-03-02T16:00:00Z")
    assert steps(look, sent) == [
        (1, 0, DeliveryState.sent, None),
        (1, 1, DeliveryState.cancelled, "snoozed"),
        (2, 0, DeliveryState.pending, None),
    ]
    assert (again.due_at, again.next_attempt_at, again.is_correction) == (FOUR_PM, FOUR_PM, False)
    assert (again.useful_until, again.urgency) == (sent.useful_until, 2)
    assert (row.state, row.generation, row.due_at) == (ReminderState.planned, 2, sent.due_at)
    assert (row.acknowledged_at, row.sent_at, row.snoozed_until) == (None, None, FOUR_PM)
    assert [(each["kind"], each["until"]) for each in lines if each["kind"] == "snoozed"] == [
        ("snoozed", "2026-03-02T16:00:00Z")
    ]


def test_planning_again_leaves_what_was_put_off(
    patient: Caller, session: Session, clinic: Clinic, look: Look, sent: Reminder
) -> None:
    snooze(patient, sent)
    session.expire_all()

    plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON + HOUR / 2)
    session.commit()

    assert steps(look, sent)[2] == (2, 0, DeliveryState.pending, None)


def test_what_is_being_handed_over_says_so_and_stays(
    patient: Caller, session: Session, look: Look, reminder: Reminder, delivery: Delivery
) -> None:
    delivery.state, delivery.fence, delivery.attempts = DeliveryState.sending, 1, 1
    session.commit()

    answered = snooze(patient, reminder)

    (row,) = look(Reminder, id=reminder.id)
    assert (answered.json["answer"], answered.json["snoozed_until"]) == ("in_flight", None)
    assert (row.generation, row.snoozed_until) == (1, None)


def test_a_message_is_never_put_off_to_when_it_is_of_no_use(
    patient: Caller, session: Session, look: Look, reminder: Reminder, delivery: Delivery, sent: Reminder
) -> None:
    sent.useful_until = FOUR_PM
    session.commit()

    refused = snooze(patient, sent)

    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    assert refused.json["errors"][0]["pointer"] == "/minutes"
    assert look(Reminder, id=sent.id)[0].generation == 1
    assert snooze(patient, sent, 59).status_code == 200


def test_what_waits_is_not_held_past_its_use(
    patient: Caller, session: Session, reminder: Reminder, delivery: Delivery
) -> None:
    delivery.useful_until = FOUR_PM
    session.commit()

    assert snooze(patient, reminder).status_code == 409
    assert snooze(patient, reminder, 59).status_code == 200


def test_what_is_not_due_before_then_comes_when_it_is_due(patient: Caller, look: Look, reminder: Reminder) -> None:
    (goal,) = look(Reminder, milestone_id=reminder.milestone_id, key="goal")

    answered = snooze(patient, goal, 15)

    assert (answered.json["answer"], answered.json["snoozed_until"]) == ("effective", "2026-03-09T13:00:00Z")


def test_an_urgent_message_cannot_be_put_off(
    patient: Caller, session: Session, look: Look, reminder: Reminder, delivery: Delivery
) -> None:
    reminder.key = "surgery_moved"
    session.commit()

    refused = snooze(patient, reminder)

    assert refused.status_code == 409
    assert look(Delivery, id=delivery.id)[0].next_attempt_at == reminder.due_at


@pytest.mark.parametrize("act", ["achieve", "skip"])
def test_what_is_over_cannot_be_put_off(patient: Caller, sent: Reminder, act: str) -> None:
    body = {} if act == "achieve" else {"reason": "patient_declined"}
    patient.post(f"/milestones/{sent.milestone_id}/{act}", body)

    assert snooze(patient, sent).status_code == 409


def test_what_will_not_go_out_cannot_be_put_off(
    patient: Caller, session: Session, reminder: Reminder, delivery: Delivery
) -> None:
    delivery.state, reminder.state = DeliveryState.expired, ReminderState.expired
    session.commit()

    assert snooze(patient, reminder).status_code == 409


@pytest.mark.parametrize("minutes", [14, 1441, "60", None])
def test_it_is_put_off_by_a_quarter_of_an_hour_to_a_day(patient: Caller, reminder: Reminder, minutes: Any) -> None:
    assert snooze(patient, reminder, minutes).status_code == 422


def test_only_the_patient_puts_a_message_off(coordinator: Caller, other_patient: Caller, reminder: Reminder) -> None:
    assert snooze(coordinator, reminder).status_code == 403
    assert snooze(other_patient, reminder).status_code == 404
