"""No patient gets more than so many messages in one of their days, and the clinic is asked why."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models.people import Patient
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState
from models.report import Task, TaskKind, TaskState
from schedules.delivery.fuse import count_messages
from schedules.delivery.policy import Policy, policy_of
from schedules.plan.vocabulary import Channel, Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import settings_for
from tests.worker.desks import Outbox, claim_all, deliver, desk_of
from tests.worker.rows import story

MIDNIGHT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)  # in New York
NEXT_MIDNIGHT = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
THREE = Policy(messages_a_day=3)


@pytest.fixture
def delivery(session: Session) -> Delivery:
    """Return a due delivery to a patient in New York."""
    row = builders.due_delivery(session, builders.practice(session))
    session.commit()
    return row


def had(session: Session, delivery: Delivery, *, at: datetime, outcome: AttemptOutcome | None) -> None:
    """Store an earlier message to the patient of `delivery`, begun at `at`."""
    known = len(session.scalars(select(DeliveryAttempt.delivery_id)).all())
    earlier = Delivery(practice_id=delivery.practice_id, id=f"earlier-{known}", patient_id=delivery.patient_id)
    earlier.reminder_id, earlier.generation, earlier.step = delivery.reminder_id, 1, 100 + known
    earlier.due_at, earlier.useful_until, earlier.next_attempt_at = at, at, at
    earlier.state, earlier.published, earlier.attempts, earlier.finished_at = DeliveryState.sent, True, 1, at
    attempt = DeliveryAttempt(practice_id=delivery.practice_id, delivery_id=earlier.id, fence=1, started_at=at)
    attempt.channel, attempt.outcome = Channel.email, outcome
    session.add_all([earlier, attempt])
    session.commit()


def send(engine: Engine, session: Session, clock: FixedClock, policy: Policy = THREE) -> int:
    """Deliver what is due, and return how many messages left."""
    outbox = Outbox()
    for claim in claim_all(session, clock):
        deliver(desk_of(engine, clock, {Provider.smtp: outbox}, policy=policy), claim)
    session.expire_all()
    return len(outbox.messages)


def tasks(session: Session) -> list[Task]:
    found = session.scalars(select(Task).order_by(Task.created_at)).all()
    session.rollback()
    return list(found)


def test_a_message_too_many_is_held_to_the_patients_next_day_and_the_clinic_is_asked(
    engine: Engine, session: Session, clock: FixedClock, delivery: Delivery
) -> None:
    for outcome in (AttemptOutcome.accepted, AttemptOutcome.unknown, None):
        had(session, delivery, at=MIDNIGHT, outcome=outcome)

    left = send(engine, session, clock)

    (task,) = tasks(session)
    assert left == 0
    assert (delivery.state, delivery.reason) == (DeliveryState.pending, "fuse")
    assert (delivery.next_attempt_at, delivery.attempts) == (NEXT_MIDNIGHT, 0)
    assert story(session, delivery) == [("held", "fuse")]
    assert (task.kind, task.state, task.due_on) == (TaskKind.too_many_messages, TaskState.open, date(2026, 3, 2))
    assert (task.patient_id, task.about) == (delivery.patient_id, {"reminder_ids": [delivery.reminder_id]})


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (MIDNIGHT - timedelta(seconds=1), AttemptOutcome.accepted),
        (MONDAY_AFTERNOON, AttemptOutcome.refused),
    ],
)
def test_yesterdays_messages_and_those_that_were_refused_do_not_count(
    engine: Engine, session: Session, clock: FixedClock, delivery: Delivery, at: datetime, outcome: AttemptOutcome
) -> None:
    for _ in range(2):
        had(session, delivery, at=MIDNIGHT, outcome=AttemptOutcome.accepted)
    had(session, delivery, at=at, outcome=outcome)

    assert send(engine, session, clock) == 1
    assert tasks(session) == []


def test_the_clinic_is_asked_once_a_day_and_again_on_the_next(
    engine: Engine, session: Session, clock: FixedClock, delivery: Delivery
) -> None:
    had(session, delivery, at=MIDNIGHT, outcome=AttemptOutcome.accepted)
    one = Policy(messages_a_day=1)

    send(engine, session, clock, one)
    delivery.next_attempt_at = MONDAY_AFTERNOON
    session.commit()
    send(engine, session, clock, one)
    had(session, delivery, at=NEXT_MIDNIGHT, outcome=AttemptOutcome.accepted)
    clock.set_wall_clock(NEXT_MIDNIGHT)
    send(engine, session, clock, one)

    assert [task.created_at for task in tasks(session)] == [MONDAY_AFTERNOON, NEXT_MIDNIGHT]


def test_an_urgent_correction_passes_the_fuse(
    engine: Engine, session: Session, clock: FixedClock, delivery: Delivery
) -> None:
    had(session, delivery, at=MIDNIGHT, outcome=AttemptOutcome.accepted)
    patient = session.get_one(Patient, (delivery.practice_id, delivery.patient_id))
    urgent = builders.reminder(
        session,
        builders.milestone(session, builders.surgery(session, builders.episode(session, patient)), key="fasting"),
        key="surgery_moved",
    )
    builders.delivery(session, urgent, urgency=0)
    session.commit()

    assert send(engine, session, clock, Policy(messages_a_day=1)) == 1
    assert delivery.reason == "fuse"


def test_many_patients_are_counted_in_one_query_each_from_their_own_midnight(engine: Engine, session: Session) -> None:
    clinic, other = builders.practice(session), builders.practice(session)
    here, west, none, elsewhere = (
        builders.due_delivery(session, practice) for practice in (clinic, clinic, clinic, other)
    )
    session.commit()
    for row in (here, here, west, elsewhere):
        had(session, row, at=MIDNIGHT + timedelta(hours=1), outcome=AttemptOutcome.accepted)
    asked = {row.patient_id: MIDNIGHT + timedelta(hours=3 if row is west else 0) for row in (here, west, none)}
    selects: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: selects.append(given[2].partition(" ")[0]))

    counted = count_messages(session, clinic.id, asked)

    assert counted == {here.patient_id: 2}
    assert selects.count("SELECT") == 1
    assert count_messages(session, clinic.id, {}) == {}
    assert elsewhere.patient_id not in counted


def test_a_digest_counts_as_one(session: Session, delivery: Delivery) -> None:
    had(session, delivery, at=MIDNIGHT, outcome=AttemptOutcome.accepted)
    had(session, delivery, at=MIDNIGHT, outcome=AttemptOutcome.accepted)
    session.scalars(select(DeliveryAttempt)).first().carried_by = "another"  # type: ignore[union-attr]
    session.commit()

    assert count_messages(session, delivery.practice_id, {delivery.patient_id: MIDNIGHT}) == {delivery.patient_id: 1}


def test_the_settings_say_how_many_messages_a_day() -> None:
    settings = settings_for("sqlite:///any", messages_a_patient_a_day=3)

    assert policy_of(settings) == THREE
    assert policy_of(settings_for("sqlite:///any")) == Policy()
