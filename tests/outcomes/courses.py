"""Builds courses of care with one milestone each, to be counted."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models import CheckIn, Clearance, Milestone, Practice, Surgery
from models.care import Reporter
from schedules.plan.vocabulary import Approach, ApproachClass, Procedure, SkipReason
from tests import builders

DAY_0 = date(2025, 9, 1)
SMALLEST = 20  # as it is set without more


def at_noon(on: date) -> datetime:
    """Return noon in New York on a day, in winter."""
    return datetime.combine(on, time(17), tzinfo=UTC)


def course(
    session: Session,
    practice: Practice,
    *,
    approach_class: ApproachClass | None = ApproachClass.miss,
    procedure: Procedure = Procedure.tlif,
    kind: str = "drive",
    day0: date = DAY_0,
    item: dict[str, Any] | None = None,
    **patient: Any,
) -> Milestone:
    """Add a patient whose surgery was performed on `day0`, with a milestone that nobody has reported."""
    episode = builders.episode(session, builders.patient(session, practice, **patient))
    of = {"procedure": procedure, "approach_class": approach_class, "surgery_on": day0, "dated_at": at_noon(day0)}
    surgery = stage(session, episode, **of)
    days = {"target_on": day0 + timedelta(days=21), "latest_on": day0 + timedelta(days=28)}
    return builders.milestone(session, surgery, key=kind, kind=kind, **days | (item or {}))


def stage(session: Session, episode: Any, **changes: Any) -> Surgery:
    """Add a surgery to a course."""
    is_open = changes.get("approach_class") is ApproachClass.open
    return builders.surgery(session, episode, approach=Approach.open if is_open else Approach.tubular, **changes)


def reach(session: Session, milestone: Milestone, day: int, *, day0: date = DAY_0) -> None:
    """Let a milestone be reported as reached on a day after surgery."""
    on = day0 + timedelta(days=day)
    builders.progress(session, milestone, achieved_on=on, reported_at=at_noon(on))


def leave_out(session: Session, milestone: Milestone, reason: SkipReason, day: int) -> None:
    """Let a milestone be left out on a day after surgery."""
    at = at_noon(DAY_0 + timedelta(days=day))
    builders.progress(session, milestone, achieved_on=None, skip_reason=reason, reported_at=at)


def hear(session: Session, milestone: Milestone, day: int, *, day0: date = DAY_0, **told: Any) -> CheckIn:
    """Add a check-in on a day after surgery, at noon in New York: the last word, if none follows."""
    at = at_noon(day0 + timedelta(days=day))
    row = CheckIn(practice_id=milestone.practice_id, id=f"{milestone.id}.{day}", patient_id=milestone.patient_id)
    row.episode_id, row.reported_at, row.received_at = milestone.episode_id, at, at
    row.reported_by, row.pain = Reporter.patient, 3
    for name, value in told.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def clear(session: Session, milestone: Milestone, day: int, **changes: Any) -> Clearance:
    """Let a clinician clear a milestone on a day after surgery."""
    practice_id, on = milestone.practice_id, DAY_0 + timedelta(days=day)
    row = Clearance(practice_id=practice_id, id=f"{milestone.id}.{day}", patient_id=milestone.patient_id)
    row.episode_id, row.milestone_id, row.cleared_on, row.cleared_at = (
        milestone.episode_id,
        milestone.id,
        on,
        at_noon(on),
    )
    row.grounds, row.cleared_by = {}, builders.staff(session, session.get_one(Practice, practice_id)).id
    for name, value in changes.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def group(session: Session, practice: Practice, days: list[int], **of: Any) -> None:
    """Add a course for each day, on which its milestone was reached."""
    for day in days:
        reach(session, course(session, practice, **of), day)
