"""A fuse: no patient gets more than so many messages in one of their days, and the clinic hears when it blows.

It guards against our own faults, such as a plan that arms everything at once. It is no exact limit: two messages that
pass their last checks at the same time do not see each other.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt
from models.report import Task, TaskKind, TaskState
from models.sets import ByList, is_among, is_one_of
from models.sync import stamp
from schedules.delivery.facts import Care
from schedules.plan.identity import plan_row_id
from schedules.plan.timing import wall_instant


def day_began_at(now: datetime, zone: ZoneInfo) -> datetime:
    """Return when the present day of a zone began."""
    return wall_instant(now.astimezone(zone).date(), time(0), zone)


def day_ends_at(now: datetime, zone: ZoneInfo) -> datetime:
    """Return when the next day of a zone begins."""
    return wall_instant(now.astimezone(zone).date() + timedelta(days=1), time(0), zone)


def fuse_ends(
    session: Session, practice_id: str, zones: Mapping[str, ZoneInfo], *, most: int, now: datetime
) -> dict[str, datetime]:
    """Return when the present day ends of those patients, given with their zones, who had `most` messages on it."""
    since = {patient_id: day_began_at(now, zone) for patient_id, zone in zones.items()}
    counts = count_messages(session, practice_id, since)
    return {patient_id: day_ends_at(now, zones[patient_id]) for patient_id, count in counts.items() if count >= most}


def count_messages(session: Session, practice_id: str, since: Mapping[str, datetime]) -> dict[str, int]:
    """Return how many messages each patient may have had since their instant, in one query. Who had none is left out.

    A message counts once it was begun, unless the provider refused it: a digest as one, a repeat as another. When an
    attempt began is compared here, not in the query: the database would look through everybody's attempts of the day.
    """
    if not since:
        return {}
    parameters = {"practice_id": practice_id, "patient_ids": list(since), "first": min(since.values())}
    rows = _BEGUN.rows(session.connection(), parameters)
    return Counter(patient_id for patient_id, started_at in rows if started_at >= since[patient_id])


def _begun_query(dialect: str) -> Select[str, datetime]:
    """Return the query for the attempts of what was begun, which is asked for first: mostly there are none."""
    begun = (
        select(Delivery.id)
        .where(Delivery.practice_id == bindparam("practice_id"), is_among(dialect, Delivery.patient_id, "patient_ids"))
        .where(Delivery.attempts > 0, Delivery.reminder_id.is_not(None))
        .where(or_(Delivery.finished_at.is_(None), Delivery.finished_at >= bindparam("first")))
    )
    whose = aliased(Delivery)
    is_its = and_(whose.practice_id == DeliveryAttempt.practice_id, whose.id == DeliveryAttempt.delivery_id)
    return (
        select(whose.patient_id, DeliveryAttempt.started_at)
        .join_from(DeliveryAttempt, whose, is_its)
        .where(DeliveryAttempt.practice_id == bindparam("practice_id"))
        .where(is_one_of(dialect, DeliveryAttempt.delivery_id, begun))
        .where(DeliveryAttempt.carried_by.is_(None))
        .where(or_(DeliveryAttempt.outcome.is_(None), DeliveryAttempt.outcome != AttemptOutcome.refused))
    )


_BEGUN = ByList(_begun_query)


def tell_clinic(session: Session, care: Care, now: datetime) -> None:
    """Ask the clinic, once for each of the patient's days, why a patient has so many messages.

    Call it last: it takes the practice's revision clock, under which nobody else can store the same question.
    """
    practice_id, patient_id = care.practice_id, care.contact.id
    day = now.astimezone(ZoneInfo(care.zone)).date()
    task_id = plan_row_id(practice_id, patient_id, "task", TaskKind.too_many_messages, 1, day.isoformat())
    is_asked = select(func.count()).where(Task.practice_id == practice_id, Task.id == task_id)
    if session.scalar(is_asked):
        return
    stamp(session, practice_id)
    if session.scalar(is_asked):
        return
    task = Task(practice_id=practice_id, id=task_id, patient_id=patient_id, episode_id=care.episode_id)
    task.kind, task.state, task.created_at = TaskKind.too_many_messages, TaskState.open, now
    task.due_on = now.astimezone(ZoneInfo(care.clinic_zone)).date()
    task.about = {"reminder_ids": [care.reminder_id]}
    session.add(task)
    session.flush()
