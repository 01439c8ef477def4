"""Use case: the patient puts a message off for some time. What is urgent cannot wait."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models import Milestone, MilestoneProgress, Reminder
from models.reminder import OPEN_STATES, DecisionKind, Delivery
from schedules.plan.message_facts import ANSWERS, Standing
from schedules.plan.urgency import Urgency, urgency_of
from schedules.planning import Answer
from schedules.planning.messages import load_messages
from schedules.planning.reminders import arm_again
from schedules.planning.story import step_of, tell
from schedules.planning.withdrawal import take_back
from service.care.reach import lock_row
from service.errors import ConflictError, Fault
from service.identity.principal import Principal

SHORTEST_MINUTES, LONGEST_MINUTES = 15, 1440


@dataclass(frozen=True, slots=True)
class Snoozed:
    """What became of a reminder that was put off. It comes at `until`; None: it was on its way, and nothing changed."""

    reminder: Reminder
    answer: Answer
    until: datetime | None


def snooze(session: Session, caller: Principal, reminder_id: str, *, minutes: int, now: datetime) -> Snoozed:
    """Hold a reminder for `minutes` from now, or say it again then if it went out already.

    Raises NotFoundError, and ConflictError for one that is urgent, over, about what is done, or of no use by then.
    """
    reminder = lock_row(session, caller, Reminder, reminder_id)
    if urgency_of(reminder.category, reminder.key) is Urgency.urgent:
        raise ConflictError(Fault("", "a reminder that can wait", "an urgent one"))
    messages = load_messages(session, reminder.practice_id, reminder.patient_id, lock=True)
    standing = messages.facts_of(reminder).standing
    if standing is Standing.on_its_way:
        return Snoozed(reminder, Answer.in_flight, None)
    answer = ANSWERS[standing]
    if answer is None or _is_done(session, reminder):
        raise ConflictError(Fault("", "a reminder that waits or went out, of an open milestone", "one that is over"))
    until = now + timedelta(minutes=minutes)
    if standing is Standing.sent:
        _refuse_too_late(until, reminder.useful_until)
        take_back(session, reminder, messages, now=now, reason="snoozed")
        tell(session, step_of(reminder), DecisionKind.snoozed, now=now, until=until)
        arm_again(session, reminder, due_at=until, now=now)
    else:
        until = _hold(messages.present(reminder), until)
        tell(session, step_of(reminder), DecisionKind.snoozed, now=now, until=until)
    reminder.snoozed_until = until
    return Snoozed(reminder, answer, until)


def _hold(deliveries: Iterable[Delivery], until: datetime) -> datetime:
    """Move the open step, which is locked, to `until`, but never before it is due. Return when it comes."""
    (delivery,) = (each for each in deliveries if each.state in OPEN_STATES)
    comes_at = max(until, delivery.due_at)
    _refuse_too_late(comes_at, delivery.useful_until)
    delivery.next_attempt_at = comes_at
    return comes_at


def _refuse_too_late(until: datetime, useful_until: datetime) -> None:
    if until >= useful_until:
        latest = useful_until.isoformat().replace("+00:00", "Z")
        raise ConflictError(Fault("/minutes", f"fewer: it is of no use from {latest} on", "a later time"))


def _is_done(session: Session, reminder: Reminder) -> bool:
    milestone = session.get_one(Milestone, (reminder.practice_id, reminder.milestone_id))
    progress = session.get(MilestoneProgress, (reminder.practice_id, reminder.milestone_id))
    is_reported = progress is not None and (progress.achieved_on is not None or progress.skip_reason is not None)
    return is_reported or milestone.cancelled_at is not None
