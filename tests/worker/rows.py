"""What worker tests read back of a delivery and its reminder."""

import time
from collections.abc import Callable

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from models.engine import begin_reads
from models.reminder import (
    OPEN_STATES,
    AttemptOutcome,
    Decision,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Reminder,
)
from schedules.plan.vocabulary import ReminderState


def outcomes(session: Session, delivery: Delivery) -> list[AttemptOutcome | None]:
    """Return what became of the delivery's attempts, in their order."""
    query = (
        select(DeliveryAttempt.outcome)
        .where(DeliveryAttempt.practice_id == delivery.practice_id, DeliveryAttempt.delivery_id == delivery.id)
        .order_by(DeliveryAttempt.fence)
    )
    return list(session.scalars(query))


def story(session: Session, delivery: Delivery) -> list[tuple[str, str | None]]:
    """Return the kinds and reasons of the reminder's decisions, in their order."""
    query = (
        select(Decision)
        .where(Decision.practice_id == delivery.practice_id, Decision.reminder_id == delivery.reminder_id)
        .order_by(Decision.id)
    )
    return [(line.kind.value, line.reason) for line in session.scalars(query)]


def open_count(engine: Engine) -> int:
    """Return how many deliveries are not over."""
    with Session(engine) as session:
        begin_reads(session)
        return len(session.scalars(select(Delivery.id).where(Delivery.state.in_(OPEN_STATES))).all())


def state_of(engine: Engine, delivery: Delivery) -> DeliveryState:
    """Return where the delivery stands now, without holding up whoever works on it."""
    with Session(engine) as session:
        begin_reads(session)
        return session.get_one(Delivery, (delivery.practice_id, delivery.id)).state


def shown_count(engine: Engine, state: ReminderState) -> int:
    """Return how many reminders are shown in `state`."""
    with Session(engine) as session:
        begin_reads(session)
        return len(session.scalars(select(Reminder.id).where(Reminder.state == state)).all())


def is_somebody_waiting(engine: Engine) -> bool:
    """Return whether a transaction of this PostgreSQL database waits for another's lock."""
    with engine.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(connection.scalar(text(query)))


def wait_until(condition: Callable[[], bool], within: float = 40.0) -> None:
    """Wait until `condition` holds. Fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)
