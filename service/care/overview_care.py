"""What the clinic did and how far its patients keep to what was asked, as groups: for the overview. Never a patient.

A fixed number of SELECTs, whatever the number of patients. A count above 0 and below the smallest cell is None, as in
outcomes, and so is one that leaves so few of all, and shares of it; no other totals stand beside cells, from which a
hidden one could be worked out.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from models import CheckIn, Device, Episode, Milestone, MilestoneProgress, Patient, Practice, Surgery
from schedules.outcomes.check_ins import Tally, tally
from schedules.outcomes.proportions import wilson
from schedules.outcomes.windows import told_part
from schedules.plan.check_ins import LAST_DAY, LONGEST_WINDOW, asked_by_day, check_in_windows, read_history
from schedules.plan.questionnaires import QUESTIONNAIRE_KINDS
from schedules.plan.vocabulary import ApproachClass, EpisodeStatus, Grade, Owner, Procedure, SurgeryStatus
from service.care.outcomes import GRADE, Smallest, told_count

MONTHS: Final = 6
PERIOD: Final = timedelta(days=28)
_OPEN: Final = (EpisodeStatus.active, EpisodeStatus.paused)
# Of who died, withdrew or went elsewhere nothing is asked any more.
_CARED_FOR: Final = (*_OPEN, EpisodeStatus.closed)


@dataclass(frozen=True, slots=True)
class Volume:
    """Operations performed of one procedure and class, by month in the order of `Volumes.months`. None: a few."""

    procedure: Procedure
    approach_class: ApproachClass | None
    counts: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Volumes:
    """What was performed, by month of the clinic's calendar: each named by its first day, the last is not over.

    `active` and `paused` are open episodes of care today.
    """

    months: tuple[date, ...]
    operations: tuple[Volume, ...]
    active: int | None
    paused: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """How many of so many that were asked for were done, with the share's 95 % limits.

    `asked` None: a few. `done` None: a few were done or were not.
    """

    done: int | None
    asked: int | None
    share: float | None
    low: float | None
    high: float | None
    grade: Grade


@dataclass(frozen=True, slots=True)
class Adherence:
    """What was asked for from `since` to `until`, both whole days that are over, and how much of it was done."""

    since: date
    until: date
    check_ins: Kept
    milestones: Kept
    questionnaires: Kept


def view_volumes(session: Session, practice: Practice, today: date, smallest: Smallest) -> Volumes:
    """Return the operations of the last months, and the episodes that are open. Two SELECTs."""
    months = months_until(today)
    query = (
        select(Surgery.procedure, Surgery.approach_class, Surgery.surgery_on, func.count())
        .join(Episode, _same(Episode, Surgery.episode_id, Surgery))
        .join(Patient, _same(Patient, Surgery.patient_id, Surgery))
        .where(_performed(practice.id, today), Surgery.surgery_on >= months[0])
        .where(Episode.deleted.is_(False), Patient.deleted.is_(False))
        .group_by(Surgery.procedure, Surgery.approach_class, Surgery.surgery_on)
    )
    found: dict[tuple[Procedure, ApproachClass | None], Counter[date]] = defaultdict(Counter)
    for procedure, approach_class, on, count in session.execute(query):
        if on is not None:
            found[procedure, approach_class][on.replace(day=1)] += count
    rows = [
        Volume(*which, tuple(told_count(counts[month], smallest) for month in months))
        for which, counts in sorted(found.items(), key=lambda each: (each[0][0].value, str(each[0][1])))
    ]
    stand = _count_open(session, practice.id)
    active, paused = (told_count(stand.get(each, 0), smallest) for each in _OPEN)
    return Volumes(months, tuple(rows), active, paused)


def view_adherence(session: Session, practice: Practice, today: date, smallest: Smallest) -> Adherence:
    """Return how far patients kept to what was asked of them in the last weeks, up to yesterday. Three SELECTs."""
    since, until = today - PERIOD, today - timedelta(days=1)
    of_items = _read_items(session, practice.id, since, until)
    check_ins = _count_check_ins(session, practice, since, until)
    return Adherence(
        since=since,
        until=until,
        check_ins=_kept(check_ins, smallest, Grade.E),
        milestones=_kept(of_items.get(False, Tally()), smallest, GRADE),
        questionnaires=_kept(of_items.get(True, Tally()), smallest, GRADE),
    )


def months_until(today: date) -> tuple[date, ...]:
    """Return the first days of the latest months, the present one last.

    >>> [each.isoformat() for each in months_until(date(2026, 3, 31))][::5]
    ['2025-10-01', '2026-03-01']
    """
    now = today.year * 12 + today.month - 1
    return tuple(date(each // 12, each % 12 + 1, 1) for each in range(now - MONTHS + 1, now + 1))


def _count_open(session: Session, practice_id: str) -> Mapping[EpisodeStatus, int]:
    query = (
        select(Episode.status, func.count())
        .join(Patient, _same(Patient, Episode.patient_id, Episode))
        .where(Episode.practice_id == practice_id, Episode.status.in_(_OPEN), Episode.deleted.is_(False))
        .where(Patient.deleted.is_(False), Patient.died_on.is_(None))
        .group_by(Episode.status)
    )
    return dict(session.execute(query).all())


def _count_check_ins(session: Session, practice: Practice, since: date, until: date) -> Tally:
    zone = ZoneInfo(practice.time_zone)
    reported = _read_reports(session, practice.id, since, until, zone)
    asked = asked_by_day(read_history(practice.check_in_rhythms), since, until)
    told = Tally()
    for episode_id, enrolled_at, day0 in session.execute(_courses(practice.id, since, until)):
        joined_on, days = enrolled_at.astimezone(zone).date(), reported.get(episode_id, ())
        told += tally(check_in_windows(asked, day0, since), joined_on=joined_on, reported_on=days)
    return told


def _courses(practice_id: str, since: date, until: date) -> Any:
    """Return a query of active courses with their latest surgery, of those who have an app or have ever reported.

    Who has none, and never reported, was never asked for anything by us.
    """
    has_app = exists().where(
        Device.practice_id == Episode.practice_id, Device.patient_id == Episode.patient_id, Device.revoked_at.is_(None)
    )
    has_reported = exists().where(
        CheckIn.practice_id == Episode.practice_id,
        CheckIn.patient_id == Episode.patient_id,
        CheckIn.episode_id == Episode.id,
        CheckIn.deleted.is_(False),
    )
    day0 = func.max(Surgery.surgery_on)
    return (
        select(Episode.id, Episode.enrolled_at, day0)
        .join(Patient, _same(Patient, Episode.patient_id, Episode))
        .join(Surgery, and_(Surgery.practice_id == Episode.practice_id, Surgery.episode_id == Episode.id))
        .where(Episode.status == EpisodeStatus.active, Episode.deleted.is_(False))
        .where(Patient.deleted.is_(False), Patient.died_on.is_(None))
        .where(_performed(practice_id, until), or_(has_app, has_reported))
        .group_by(Episode.id, Episode.enrolled_at)
        .having(day0 >= since - timedelta(days=LAST_DAY))
    )


def _read_reports(
    session: Session, practice_id: str, since: date, until: date, zone: ZoneInfo
) -> Mapping[str, Collection[date]]:
    """Return the days, in the clinic's zone, on which something was reported, by course."""
    begins = _midnight(since - timedelta(days=LONGEST_WINDOW), zone)
    recent = select(Surgery.episode_id).where(
        _performed(practice_id, until), Surgery.surgery_on >= since - timedelta(days=LAST_DAY)
    )
    query = select(CheckIn.episode_id, CheckIn.reported_at).where(
        CheckIn.practice_id == practice_id,
        CheckIn.deleted.is_(False),
        CheckIn.reported_at >= begins,
        CheckIn.reported_at < _midnight(until + timedelta(days=1), zone),
        CheckIn.episode_id.in_(recent),
    )
    found: dict[str, set[date]] = defaultdict(set)
    for episode_id, reported_at in session.execute(query):
        found[episode_id].add(reported_at.astimezone(zone).date())
    return found


def _read_items(session: Session, practice_id: str, since: date, until: date) -> Mapping[bool, Tally]:
    """Return how many of the patients' own items whose window closed were reached within it; True: questionnaires."""
    is_questionnaire = Milestone.kind.in_([each.value for each in QUESTIONNAIRE_KINDS])
    which = case((is_questionnaire, 1), else_=0)
    in_time = case((MilestoneProgress.achieved_on <= Milestone.latest_on, 1), else_=0)
    query = (
        select(which, func.sum(in_time), func.count())
        .select_from(Milestone)
        .join(Episode, _same(Episode, Milestone.episode_id, Milestone))
        .join(Patient, _same(Patient, Milestone.patient_id, Milestone))
        .outerjoin(MilestoneProgress, _same(MilestoneProgress, Milestone.id, Milestone))
        .where(Milestone.practice_id == practice_id, Milestone.latest_on.between(since, until), *_counts())
        .where(Episode.deleted.is_(False), Episode.status.in_(_CARED_FOR))
        .where(Patient.deleted.is_(False), Patient.died_on.is_(None))
        .group_by(which)
    )
    return {bool(each): Tally(int(done or 0), asked) for each, done, asked in session.execute(query)}


def _counts() -> tuple[ColumnElement[bool], ...]:
    """Return what an item must be to count: the patient's own, still part of the plan, and not left out."""
    return (
        Milestone.owner == Owner.patient,
        Milestone.lifts.is_(None),
        Milestone.deleted.is_(False),
        Milestone.cancelled_at.is_(None),
        Milestone.past_policy.is_(None),
        or_(Milestone.superseded_on.is_(None), Milestone.superseded_on > Milestone.latest_on),
        MilestoneProgress.skip_reason.is_(None),
    )


def _kept(found: Tally, smallest: Smallest, grade: Grade) -> Kept:
    done, asked = told_part(found.done, found.asked, smallest.cell)
    if done is None or asked is None:
        return Kept(done, asked, None, None, None, grade)
    rate = wilson(done, asked)
    return Kept(done, asked, rate.share, rate.low, rate.high, grade)


def _performed(practice_id: str, until: date) -> ColumnElement[bool]:
    return and_(
        Surgery.practice_id == practice_id,
        Surgery.status == SurgeryStatus.performed,
        Surgery.surgery_on <= until,
        Surgery.deleted.is_(False),
    )


def _same(model: type[Any], row_id: Any, other: type[Any]) -> ColumnElement[bool]:
    return and_(model.practice_id == other.practice_id, model.id == row_id)


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time(), zone).astimezone(UTC)
