"""A fuse: no patient gets more than so many messages in one of their days, and the clinic hears when it blows.

It guards against our own faults, such as a plan that arms everything at once. It is no exact limit: two messages that
pass their last checks at the same time do not see each other.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session

from models.practice import Practice
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, Reminder
from models.report import Task, TaskKind, TaskState
from models.sync import stamp
from schedules.plan.identity import plan_row_id
from schedules.plan.timing import wall_instant

Whose = tuple[str, str]  # practice id, patient id


@dataclass(frozen=True, slots=True)
class Since:
    """A patient, and the instant from which on their messages count."""

    practice_id: str
    patient_id: str
    since: datetime


def day_began_at(now: datetime, zone: ZoneInfo) -> datetime:
    """Return when the present day of a zone began."""
    return wall_instant(now.astimezone(zone).date(), time(0), zone)


def day_ends_at(now: datetime, zone: ZoneInfo) -> datetime:
    """Return when the next day of a zone begins."""
    return wall_instant(now.astimezone(zone).date() + timedelta(days=1), time(0), zone)


def count_messages(session: Session, wanted: Collection[Since]) -> dict[Whose, int]:
    """Return how many messages each patient may have had since their instant, in one query. Who had none is left out.

    A message counts once it was begun, unless the provider refused it: a digest as one, a repeat as another.
    """
    since = {(each.practice_id, each.patient_id): each.since for each in wanted}
    if not since:
        return {}
    query = (
        select(Delivery.practice_id, Delivery.patient_id, DeliveryAttempt.started_at)
        .join(
            DeliveryAttempt,
            (DeliveryAttempt.practice_id == Delivery.practice_id) & (DeliveryAttempt.delivery_id == Delivery.id),
        )
        .where(tuple_(Delivery.practice_id, Delivery.patient_id).in_(sorted(since)))
        .where(DeliveryAttempt.started_at >= min(since.values()))
        .where(or_(DeliveryAttempt.outcome.is_(None), DeliveryAttempt.outcome != AttemptOutcome.refused))
    )
    counts: dict[Whose, int] = {}
    for practice_id, patient_id, started_at in session.execute(query):
        whose = practice_id, patient_id
        if started_at >= since[whose]:
            counts[whose] = counts.get(whose, 0) + 1
    return counts


def tell_clinic(session: Session, reminder: Reminder, practice: Practice, *, zone: ZoneInfo, now: datetime) -> None:
    """Ask the clinic, once for each of the patient's days, why a patient has so many messages.

    Call it last: it takes the practice's revision clock, under which nobody else can store the same question.
    """
    day = now.astimezone(zone).date()
    practice_id = practice.id
    task_id = plan_row_id(practice_id, reminder.patient_id, "task", TaskKind.too_many_messages, 1, day.isoformat())
    is_asked = select(func.count()).where(Task.practice_id == practice_id, Task.id == task_id)
    if session.scalar(is_asked):
        return
    stamp(session, practice_id)
    if session.scalar(is_asked):
        return
    task = Task(practice_id=practice_id, id=task_id, patient_id=reminder.patient_id, episode_id=reminder.episode_id)
    task.kind, task.state, task.created_at = TaskKind.too_many_messages, TaskState.open, now
    task.due_on = now.astimezone(ZoneInfo(practice.time_zone)).date()
    task.about = {"reminder_ids": [reminder.id]}
    session.add(task)
    session.flush()
