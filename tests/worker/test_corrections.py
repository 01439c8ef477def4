"""Advice for the days before a surgery that moved or was called off is corrected at once, whatever else stands."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.care import Episode, Milestone, Surgery
from models.change import SlotEntry
from models.people import Patient
from models.practice import Practice
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from models.report import Task, TaskKind, TaskState
from schedules.plan.vocabulary import (
    Channel,
    EpisodeStatus,
    Phase,
    Provider,
    ReminderCategory,
    ReminderCorrection,
    ReminderState,
    SurgeryStatus,
)
from schedules.planning import plan_episode, withdraw
from schedules.planning.corrections import correction_due, send_correction, upset_of
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import Outbox, claim_all, deliver, desk_of

WEDNESDAY, THURSDAY, FRIDAY = date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 6)
MONDAY = date(2026, 3, 2)
ADVISED_AT = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
MOVED = "Your surgery has moved. Ask us now about eating and about paused medicines."
CALLED_OFF = "Your surgery has been called off. Ask us now about eating and about paused medicines."


@pytest.fixture
def surgery(session: Session) -> Surgery:
    """Return a surgery that is planned for Wednesday, whose patient has quiet hours all day, with its plan."""
    quiet = {"quiet_from": time(0), "quiet_until": time(23, 59)}
    patient = builders.patient(session, builders.practice(session), takes_blood_thinner=True, **quiet)
    changes = {"surgery_on": WEDNESDAY, "status": SurgeryStatus.planned, "dated_at": None}
    surgery = builders.surgery(session, builders.episode(session, patient), **changes)
    session.commit()
    plan(session, surgery, datetime(2026, 2, 20, 15, 0, tzinfo=UTC))
    return surgery


def plan(session: Session, surgery: Surgery, now: datetime = MONDAY_AFTERNOON) -> None:
    plan_episode(session, surgery.practice_id, surgery.episode_id, now)
    session.commit()


def advice(session: Session, surgery: Surgery, kind: str = "fasting", **changes: object) -> Delivery:
    """Store a message with advice, by default one that went out."""
    milestone = session.scalars(select(Milestone).filter_by(surgery_id=surgery.id, kind=kind)).one()
    of_reminder = {"key": "told", "phase": Phase.before_surgery, "category": ReminderCategory.preparation}
    reminder = builders.reminder(session, milestone, state=ReminderState.sent, **of_reminder)
    delivery = builders.delivery(
        session, reminder, **{"state": DeliveryState.sent, "finished_at": ADVISED_AT} | changes
    )
    session.commit()
    return delivery


def change(session: Session, surgery: Surgery, now: datetime = MONDAY_AFTERNOON, **columns: object) -> None:
    """Change a surgery as the use cases do: ask what it upsets, write, plan, correct."""
    becomes = {"surgery_on": surgery.surgery_on, "status": surgery.status} | columns
    upset = upset_of(surgery, becomes_on=becomes["surgery_on"], becomes=becomes["status"])  # type: ignore[arg-type]
    episode = session.get_one(Episode, (surgery.practice_id, surgery.episode_id))
    correction = correction_due(session, episode, [] if upset is None else [upset], lock=True)
    for name, value in columns.items():
        setattr(surgery, name, value)
    plan_episode(session, surgery.practice_id, surgery.episode_id, now)
    if correction is not None:
        send_correction(session, episode, correction, now)
    session.commit()


def urgent(session: Session) -> list[Reminder]:
    keys = ("surgery_moved", "surgery_called_off")
    return list(session.scalars(select(Reminder).where(Reminder.key.in_(keys)).order_by(Reminder.repeat)))


def calls(session: Session) -> list[Task]:
    return list(session.scalars(select(Task).filter_by(kind=TaskKind.call_patient).order_by(Task.created_at)))


def sent_texts(session: Session, engine: Engine, clock: FixedClock) -> list[str]:
    """Run the worker's parts over what is due, and return the first paragraph of each message."""
    outbox = Outbox()
    for claim in claim_all(session, clock):
        deliver(desk_of(engine, clock, {Provider.smtp: outbox}), claim)
    session.expire_all()
    return [message.body.split("\n\n")[0] for message in outbox.messages]


def test_a_move_after_advice_went_out_is_told_at_once_even_in_quiet_hours(
    session: Session, engine: Engine, clock: FixedClock, surgery: Surgery
) -> None:
    advice(session, surgery)

    change(session, surgery, surgery_on=FRIDAY)

    (reminder,) = urgent(session)
    assert (reminder.key, reminder.repeat, reminder.category) == ("surgery_moved", 1, ReminderCategory.safety)
    assert (reminder.due_at, reminder.useful_until - reminder.due_at) == (MONDAY_AFTERNOON, timedelta(days=7))
    assert (reminder.correction, (reminder.text or {})["en"]) == (ReminderCorrection.urgent, MOVED)
    assert session.scalars(select(Delivery.urgency).filter_by(reminder_id=reminder.id)).one() == 0
    assert sent_texts(session, engine, clock) == [MOVED]


def test_the_clinic_is_asked_to_call_today_and_told_what_about(session: Session, surgery: Surgery) -> None:
    advice(session, surgery, "medicines_pause")
    advice(session, surgery, "fasting")

    change(session, surgery, surgery_on=None)

    (task,) = calls(session)
    assert (task.state, task.due_on, task.surgery_id) == (TaskState.open, MONDAY, surgery.id)
    keys = ["fasting", "medicines_pause"]
    assert task.about == {"milestone_keys": keys, "correction": "surgery_moved", "message": "due"}


def test_a_surgery_that_is_called_off_is_told_although_nothing_of_it_stands(
    session: Session, engine: Engine, clock: FixedClock, surgery: Surgery
) -> None:
    advice(session, surgery)

    change(session, surgery, status=SurgeryStatus.cancelled)

    milestone = session.get_one(Milestone, (surgery.practice_id, urgent(session)[0].milestone_id))
    assert milestone.cancelled_at is not None
    assert sent_texts(session, engine, clock) == [CALLED_OFF]


@pytest.mark.parametrize(
    ("delivery", "outcome", "count"),
    [
        ({"state": DeliveryState.sending, "attempts": 1, "fence": 1}, None, 1),
        ({"state": DeliveryState.failed, "attempts": 1, "fence": 1}, AttemptOutcome.unknown, 1),
        ({"state": DeliveryState.cancelled, "attempts": 1, "fence": 1}, AttemptOutcome.abandoned, 1),
        ({"state": DeliveryState.failed, "attempts": 1, "fence": 1}, AttemptOutcome.refused, 0),
        ({"state": DeliveryState.pending, "next_attempt_at": datetime(2026, 3, 3, tzinfo=UTC)}, None, 0),
        ({"state": DeliveryState.cancelled}, None, 0),
    ],
)
def test_advice_counts_once_it_may_have_arrived(
    session: Session, surgery: Surgery, delivery: dict[str, Any], outcome: AttemptOutcome | None, count: int
) -> None:
    row = advice(session, surgery, **delivery | {"finished_at": None})
    if "attempts" in delivery:
        attempt = DeliveryAttempt(practice_id=row.practice_id, delivery_id=row.id, fence=1, outcome=outcome)
        attempt.channel, attempt.started_at = Channel.email, ADVISED_AT
        session.add(attempt)
        session.commit()

    change(session, surgery, surgery_on=FRIDAY)

    assert (len(urgent(session)), len(calls(session))) == (count, count)


@pytest.mark.parametrize(
    ("kind", "signed", "for_day0", "count"),
    [
        ("medicines_pause", False, WEDNESDAY, 1),
        ("medicines_pause", False, THURSDAY, 0),
        ("fasting", True, WEDNESDAY, 1),
        ("fasting", False, WEDNESDAY, 0),
    ],
)
def test_what_a_clinician_entered_for_that_day_counts_as_told(
    session: Session, surgery: Surgery, kind: str, signed: bool, for_day0: date, count: int
) -> None:
    staff = builders.staff(session, session.get_one(Practice, surgery.practice_id))
    milestone = session.scalars(select(Milestone).filter_by(surgery_id=surgery.id, kind=kind)).one()
    entry = SlotEntry(practice_id=surgery.practice_id, id=milestone.id, patient_id=surgery.patient_id)
    entry.for_day0, entry.entered_by, entry.entered_at = for_day0, staff.id, ADVISED_AT
    if signed:
        entry.signed_by, entry.signed_at = staff.id, ADVISED_AT
    session.add(entry)
    session.commit()

    change(session, surgery, surgery_on=FRIDAY)

    assert len(urgent(session)) == count


def test_without_advice_nothing_is_corrected(session: Session, surgery: Surgery) -> None:
    change(session, surgery, surgery_on=FRIDAY)

    assert urgent(session) == []
    assert calls(session) == []


def test_a_second_move_takes_the_place_of_a_correction_that_is_not_out(
    session: Session, engine: Engine, clock: FixedClock, surgery: Surgery
) -> None:
    advice(session, surgery)
    change(session, surgery, surgery_on=FRIDAY)
    first = urgent(session)[0]

    change(session, surgery, MONDAY_AFTERNOON + timedelta(minutes=5), surgery_on=THURSDAY)
    clock.advance(timedelta(minutes=5))

    assert (first.state, first.reason) == (ReminderState.cancelled, "superseded")
    assert [row.repeat for row in urgent(session)] == [1, 2]
    assert [task.state for task in calls(session)] == [TaskState.withdrawn, TaskState.open]
    assert sent_texts(session, engine, clock) == [MOVED]


def test_each_move_is_told_once(session: Session, engine: Engine, clock: FixedClock, surgery: Surgery) -> None:
    advice(session, surgery)
    change(session, surgery, surgery_on=FRIDAY)
    assert sent_texts(session, engine, clock) == [MOVED]

    plan(session, surgery)
    assert sent_texts(session, engine, clock) == []
    change(session, surgery, surgery_on=THURSDAY)

    assert sent_texts(session, engine, clock) == [MOVED]
    assert [row.repeat for row in urgent(session)] == [1, 2]


def test_planning_again_and_the_end_of_the_episode_leave_it(
    session: Session, engine: Engine, clock: FixedClock, surgery: Surgery
) -> None:
    advice(session, surgery)
    change(session, surgery, status=SurgeryStatus.cancelled)
    plan(session, surgery)
    whose = (surgery.practice_id, surgery.patient_id)

    episode = session.get_one(Episode, (surgery.practice_id, surgery.episode_id))
    episode.status = EpisodeStatus.closed
    withdraw(session, *whose, now=MONDAY_AFTERNOON, reason="closed", episode_ids=[surgery.episode_id])
    plan(session, surgery)

    assert urgent(session)[0].state is ReminderState.planned
    assert sent_texts(session, engine, clock) == [CALLED_OFF]


@pytest.mark.parametrize("reason", ["died", "withdrawn"])
def test_death_and_withdrawal_take_it_back(session: Session, surgery: Surgery, reason: str) -> None:
    advice(session, surgery)
    change(session, surgery, surgery_on=FRIDAY)

    withdraw(session, surgery.practice_id, surgery.patient_id, now=MONDAY_AFTERNOON, reason=reason)
    session.commit()

    assert (urgent(session)[0].state, urgent(session)[0].reason) == (ReminderState.cancelled, reason)


@pytest.mark.parametrize("columns", [{"opted_out": ["email"]}, {"channels": ["push"]}, {"email": None}])
def test_without_a_channel_the_phone_task_remains_and_says_so(
    session: Session, engine: Engine, clock: FixedClock, surgery: Surgery, columns: dict[str, object]
) -> None:
    advice(session, surgery)
    patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))
    for name, value in columns.items():
        setattr(patient, name, value)

    change(session, surgery, surgery_on=FRIDAY)

    assert calls(session)[0].about["message"] == "no_channel"
    assert sent_texts(session, engine, clock) == []
    (delivery,) = session.scalars(select(Delivery).filter_by(reminder_id=urgent(session)[0].id))
    assert (delivery.state, delivery.reason) == (DeliveryState.suppressed, "no_channel")


def test_of_a_withdrawn_patient_the_clinic_alone_hears(session: Session, surgery: Surgery) -> None:
    advice(session, surgery)
    episode = session.get_one(Episode, (surgery.practice_id, surgery.episode_id))
    episode.status = EpisodeStatus.withdrawn

    change(session, surgery, surgery_on=FRIDAY)

    assert urgent(session) == []
    assert calls(session)[0].about["message"] == "withdrawn"


def test_nobody_is_asked_to_call_the_dead(session: Session, surgery: Surgery) -> None:
    advice(session, surgery)
    patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))
    patient.died_on = MONDAY

    change(session, surgery, status=SurgeryStatus.cancelled)

    assert (urgent(session), calls(session)) == ([], [])


def test_a_reminder_sent_again_for_a_new_day_opens_as_a_correction(
    session: Session, engine: Engine, clock: FixedClock
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    delivery.is_correction = True
    session.commit()

    assert sent_texts(session, engine, clock) == ["Your dates have changed. This message replaces an earlier one."]
