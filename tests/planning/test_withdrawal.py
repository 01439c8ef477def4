"""A withdrawal says honestly whether it came in time."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.reminder import AttemptOutcome, Decision, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.plan.vocabulary import Channel, ReminderState
from schedules.planning import Answer, answers_now, withdraw
from tests import builders

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def armed(session: Session, state: DeliveryState, outcome: AttemptOutcome | str | None = None) -> Delivery:
    """Build a delivery in `state`; with an `outcome` it was attempted once ("none yet": still on its way)."""
    patient = builders.patient(session, builders.practice(session))
    milestone = builders.milestone(session, builders.surgery(session, builders.episode(session, patient)))
    delivery = builders.delivery(session, builders.reminder(session, milestone), state=state)
    if outcome is not None:
        delivery.attempts, delivery.fence = 1, 1
        known = outcome if isinstance(outcome, AttemptOutcome) else None
        attempt = DeliveryAttempt(practice_id=delivery.practice_id, delivery_id=delivery.id, fence=1)
        attempt.channel, attempt.started_at, attempt.outcome = Channel.email, NOW, known
        session.add(attempt)
    session.commit()
    return delivery


@pytest.mark.parametrize(
    ("state", "outcome", "answer", "left"),
    [
        (DeliveryState.pending, None, Answer.effective, DeliveryState.cancelled),
        (DeliveryState.leased, None, Answer.effective, DeliveryState.cancelled),
        (DeliveryState.sending, "none yet", Answer.in_flight, DeliveryState.sending),
        (DeliveryState.leased, "none yet", Answer.in_flight, DeliveryState.cancelled),
        (DeliveryState.pending, AttemptOutcome.refused, Answer.effective, DeliveryState.cancelled),
        (DeliveryState.pending, AttemptOutcome.unknown, Answer.unknown, DeliveryState.cancelled),
        (DeliveryState.leased, AttemptOutcome.abandoned, Answer.unknown, DeliveryState.cancelled),
        (DeliveryState.sent, AttemptOutcome.accepted, Answer.already_sent, DeliveryState.sent),
        (DeliveryState.expired, None, None, DeliveryState.expired),
    ],
)
def test_a_withdrawal_answers_by_how_far_the_message_has_come(
    session: Session, state: DeliveryState, outcome: AttemptOutcome | None, answer: Answer | None, left: DeliveryState
) -> None:
    delivery = armed(session, state, outcome)

    answers = withdraw(session, delivery.practice_id, delivery.patient_id, now=NOW, reason="achieved")
    session.commit()

    assert answers == ({delivery.reminder_id: answer} if answer else {})
    assert session.scalars(select(Delivery.state)).one() is left


def test_a_withdrawn_reminder_shows_why(session: Session) -> None:
    delivery = armed(session, DeliveryState.pending)

    withdraw(session, delivery.practice_id, delivery.patient_id, now=NOW, reason="achieved")
    session.commit()

    reminder = session.scalars(select(Reminder)).one()
    assert (reminder.state, reminder.reason) == (ReminderState.cancelled, "achieved")
    assert session.scalars(select(Decision.reason)).all() == ["achieved"]


def test_a_message_on_its_way_keeps_its_row_but_its_reminder_is_cancelled(session: Session) -> None:
    delivery = armed(session, DeliveryState.sending, "none yet")

    withdraw(session, delivery.practice_id, delivery.patient_id, now=NOW, reason="achieved")
    session.commit()

    assert session.scalars(select(Reminder.state)).one() is ReminderState.cancelled


def test_only_the_milestones_that_are_meant_are_withdrawn(session: Session) -> None:
    delivery = armed(session, DeliveryState.pending)

    answers = withdraw(
        session, delivery.practice_id, delivery.patient_id, now=NOW, reason="achieved", milestone_ids={"another"}
    )
    session.commit()

    assert answers == {}
    assert session.scalars(select(Delivery.state)).one() is DeliveryState.pending


@pytest.mark.postgresql_only
def test_what_was_read_before_the_lock_is_read_again(session: Session, engine: Engine) -> None:
    delivery = armed(session, DeliveryState.leased)
    assert session.scalars(select(Delivery)).one().state is DeliveryState.leased
    with Session(engine) as worker, worker.begin():
        worker.execute(update(Delivery).values(state=DeliveryState.sending))

    answers = withdraw(session, delivery.practice_id, delivery.patient_id, now=NOW, reason="achieved")

    assert answers == {delivery.reminder_id: Answer.in_flight}


def test_a_fact_that_the_last_check_reads_leaves_the_delivery_open(session: Session) -> None:
    delivery = armed(session, DeliveryState.pending)

    answers = answers_now(session, delivery.practice_id, delivery.patient_id)
    session.commit()

    assert answers == {delivery.reminder_id: Answer.effective}
    assert session.scalars(select(Delivery.state)).one() is DeliveryState.pending
