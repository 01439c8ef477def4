"""Use case: a message was seen. What was seen need not be said again on another channel."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from models import Reminder
from models.reminder import DecisionKind
from schedules.planning import Answer
from schedules.planning.story import step_of, tell
from schedules.planning.withdrawal import stop_repeats
from service.care.reach import lock_row
from service.errors import ConflictError, Fault
from service.identity.principal import Principal

_WENT_OUT = frozenset({Answer.already_sent, Answer.in_flight, Answer.unknown})


def acknowledge(session: Session, caller: Principal, reminder_id: str, *, now: datetime) -> Reminder:
    """Note that a reminder was seen, and return it. Sending again changes nothing: the first time stands.

    Raises NotFoundError, and ConflictError for one that is not due yet: nothing of it can have been seen.
    """
    reminder = lock_row(session, caller, Reminder, reminder_id)
    if reminder.acknowledged_at is None and now < reminder.due_at:
        raise ConflictError(Fault("", "a reminder that is due", "one that is not due yet"))
    acknowledge_reminder(session, reminder, now)
    return reminder


def acknowledge_reminder(session: Session, reminder: Reminder, now: datetime) -> None:
    """Note that a reminder was seen, its patient being locked. The first time stands."""
    acknowledge_reminders(session, [reminder], now)


def acknowledge_reminders(session: Session, reminders: Iterable[Reminder], now: datetime) -> None:
    """Note that reminders of one patient, who is locked, were seen. The first time stands."""
    unseen = [reminder for reminder in reminders if reminder.acknowledged_at is None]
    stop_repeats(session, unseen, now=now, reason="acknowledged")
    for reminder in unseen:
        reminder.acknowledged_at = now
        tell(session, step_of(reminder), DecisionKind.acknowledged, now=now)


def acknowledge_reported(session: Session, practice_id: str, answers: Mapping[str, Answer], now: datetime) -> None:
    """Note that the messages about a patient's milestones were seen, since somebody reported on these.

    `answers` say by the reminder's id what became of each: only what may have gone out can have been seen.
    """
    seen = sorted(reminder_id for reminder_id, answer in answers.items() if answer in _WENT_OUT)
    acknowledge_reminders(session, [session.get_one(Reminder, (practice_id, each)) for each in seen], now)
