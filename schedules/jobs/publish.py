"""Shows the results of deliveries on the reminders that patients and coordinators see."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, sessionmaker

from models.engine import begin_reads
from models.reminder import OPEN_STATES, Delivery, DeliveryState, Reminder
from models.sync import stamp
from schedules.jobs.practices import for_each
from schedules.plan.vocabulary import ReminderState

PUBLISHED_AT_ONCE = 200
_SHOWN = {
    DeliveryState.sent: ReminderState.sent,
    DeliveryState.failed: ReminderState.failed,
    DeliveryState.quarantined: ReminderState.failed,
    DeliveryState.cancelled: ReminderState.cancelled,
    DeliveryState.expired: ReminderState.expired,
    DeliveryState.suppressed: ReminderState.suppressed,
}


def publish(make_session: sessionmaker[Session]) -> None:
    """Show the results of deliveries on their reminders, which patients and coordinators see, in batches."""
    with make_session() as session:
        begin_reads(session)
        query = select(Delivery.practice_id).where(*_unpublished()).distinct().order_by(Delivery.practice_id)
        practice_ids = session.scalars(query).all()

    def show(practice_id: str) -> None:
        full = True
        while full:
            with make_session.begin() as session:
                full = _publish_batch(session, practice_id) == PUBLISHED_AT_ONCE

    for_each(practice_ids, show)


def _unpublished() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ~Delivery.published, Delivery.state.not_in(OPEN_STATES)


def _publish_batch(session: Session, practice_id: str) -> int:
    """Show one batch and return its size. It takes one revision, before the reminders are read."""
    deliveries = session.scalars(
        select(Delivery)
        .where(Delivery.practice_id == practice_id, *_unpublished())
        .order_by(Delivery.id)
        .limit(PUBLISHED_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if not deliveries:
        return 0
    # Whoever changes synced rows holds the clock to the commit: from here on these stand still.
    stamp(session, practice_id)
    wanted = {delivery.reminder_id for delivery in deliveries}
    query = select(Reminder).where(Reminder.practice_id == practice_id, Reminder.id.in_(wanted))
    reminders = {reminder.id: reminder for reminder in session.scalars(query)}
    for delivery in sorted(deliveries, key=lambda each: each.step):
        _show(reminders[delivery.reminder_id], delivery)
        delivery.published = True
    return len(deliveries)


def _show(reminder: Reminder, delivery: Delivery) -> None:
    if delivery.generation != reminder.generation or reminder.state is ReminderState.sent:
        return
    if delivery.after_silence:  # its reminder went out before: that is what is shown
        return
    reminder.state, reminder.reason = _SHOWN[delivery.state], delivery.reason
    if delivery.state is DeliveryState.sent:
        reminder.sent_at = delivery.finished_at
