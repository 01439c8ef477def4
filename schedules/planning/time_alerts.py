"""What asks for a person because time has passed: nothing was reported for days, or a step is long past its last day.

Looks at a bounded number of a practice's episodes at a time, and writes nothing: whoever raises does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.orm import Session

from models.alert import Alert
from models.base import said
from models.care import Episode, Milestone, MilestoneProgress, Surgery
from models.identity import Device
from models.people import Patient
from models.practice import Practice
from models.report import CheckIn
from models.sets import among
from schedules.plan.alert_rules import FAR_BEHIND, MISSED_IN_A_ROW, NO_CHECK_IN, is_far_behind, is_silent
from schedules.plan.check_ins import Silence, count_missed, read_history
from schedules.plan.progress import facts_of
from schedules.plan.vocabulary import AlertKind, AlertState, EpisodeStatus, Owner, Phase, SurgeryStatus
from schedules.planning.alerts import Fact, alert_id
from schedules.planning.stored_plan import planned_milestone


@dataclass(frozen=True, slots=True)
class TimeLook:
    """Facts that have no alert yet. `through`: the id after which to go on; None: these were the last episodes."""

    facts: tuple[Fact, ...]
    through: str | None


@dataclass(frozen=True, slots=True)
class _Course:
    """An open episode after surgery. `last_sign_at`: when the patient last reported; None: never."""

    episode_id: str
    patient_id: str
    enrolled_at: datetime
    surgery_on: date | None
    last_sign_at: datetime | None
    has_app: bool


def look_at_time(session: Session, practice: Practice, now: datetime, *, after: str, most: int) -> TimeLook:
    """Return what time has brought about in up to `most` open episodes, from the one after the id `after` on."""
    today = now.astimezone(ZoneInfo(practice.time_zone)).date()
    courses = [_Course(*row) for row in session.execute(_courses(practice.id, today, after, most))]
    facts = [*_silences(courses, practice, today), *_delays(session, courses, practice, today)]
    through = courses[-1].episode_id if len(courses) == most else None
    return TimeLook(_without_alert(session, practice.id, facts), through)


def still_holds(session: Session, practice: Practice, fact: Fact, now: datetime) -> bool:
    """Return whether a fact still holds once its patient is locked: what was reported meanwhile counts."""
    today = now.astimezone(ZoneInfo(practice.time_zone)).date()
    query = _courses(practice.id, today, "", 1).where(Episode.id == fact.episode_id)
    courses = [_Course(*row) for row in session.execute(query)]
    return fact in (*_silences(courses, practice, today), *_delays(session, courses, practice, today))


def _courses(
    practice_id: str, today: date, after: str, most: int
) -> Select[str, str, datetime, date | None, datetime, bool]:
    def of_episode(model: type[Surgery | CheckIn]) -> ColumnElement[bool]:
        return and_(model.practice_id == Episode.practice_id, model.episode_id == Episode.id, ~model.deleted)

    day0 = (
        select(func.max(Surgery.surgery_on))
        .where(of_episode(Surgery), Surgery.status == SurgeryStatus.performed, Surgery.surgery_on <= today)
        .correlate(Episode)
        .scalar_subquery()
    )
    last_sign = select(func.max(CheckIn.reported_at)).where(of_episode(CheckIn)).correlate(Episode).scalar_subquery()
    has_app = exists().where(
        Device.practice_id == Episode.practice_id, Device.patient_id == Episode.patient_id, Device.revoked_at.is_(None)
    )
    return (
        select(Episode.id, Episode.patient_id, Episode.enrolled_at, day0, last_sign, has_app)
        .join(Patient, and_(Patient.practice_id == Episode.practice_id, Patient.id == Episode.patient_id))
        .where(Episode.practice_id == practice_id, Episode.id > after, Episode.status == EpisodeStatus.active)
        .where(~Episode.deleted, ~Patient.deleted, Patient.died_on.is_(None), day0.is_not(None))
        .order_by(Episode.id)
        .limit(most)
    )


def _silences(courses: Sequence[_Course], practice: Practice, today: date) -> Iterator[Fact]:
    """Yield who is silent. Who has no app, and never reported, was never asked for anything by us."""
    zone, rhythms = ZoneInfo(practice.time_zone), read_history(practice.check_in_rhythms)
    for each in courses:
        if each.surgery_on is None or (not each.has_app and each.last_sign_at is None):
            continue
        signs = [each.enrolled_at, *(() if each.last_sign_at is None else (each.last_sign_at,))]
        last_on = max(each.surgery_on, *(sign.astimezone(zone).date() for sign in signs))
        silent_days = (today - last_on).days
        missed = count_missed(rhythms, Silence(each.surgery_on, last_on, today), most=MISSED_IN_A_ROW)
        if is_silent(day_after_surgery=(today - each.surgery_on).days, silent_days=silent_days, missed=missed):
            yield Fact(
                patient_id=each.patient_id,
                episode_id=each.episode_id,
                kind=NO_CHECK_IN.kind,
                urgency=NO_CHECK_IN.urgency,
                subject=last_on.isoformat(),
                about={"since_on": last_on.isoformat()},
            )


def _delays(session: Session, courses: Sequence[_Course], practice: Practice, today: date) -> Iterator[Fact]:
    """Yield the own items of patients that are long past their last day, but for what was past at enrolment."""
    if not courses:
        return
    reported = and_(MilestoneProgress.practice_id == Milestone.practice_id, MilestoneProgress.id == Milestone.id)
    settled = and_(
        ~MilestoneProgress.deleted,
        MilestoneProgress.achieved_on.is_not(None) | MilestoneProgress.skip_reason.is_not(None),
    )
    query = (
        select(Milestone)
        .outerjoin(MilestoneProgress, reported)
        .where(Milestone.practice_id == practice.id, ~Milestone.deleted, Milestone.latest_on < today)
        .where(among(session.connection(), Milestone.episode_id, [each.episode_id for each in courses]))
        .where(Milestone.owner == Owner.patient, Milestone.phase == Phase.after_surgery, Milestone.lifts.is_(None))
        .where(Milestone.past_policy.is_(None), Milestone.cancelled_at.is_(None), Milestone.superseded_on.is_(None))
        .where(func.coalesce(settled, False).is_(False))
    )
    for row in session.scalars(query.order_by(Milestone.id)):
        if is_far_behind(facts_of(planned_milestone(row)).closes_on, today):
            yield Fact(
                patient_id=row.patient_id,
                episode_id=row.episode_id,
                kind=FAR_BEHIND.kind,
                urgency=FAR_BEHIND.urgency,
                subject=row.id,
                about={"milestone_id": row.id},
            )


def _without_alert(session: Session, practice_id: str, facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """Return the facts that have no alert. Of an episode that has one for being behind in hand, no other delay has."""
    if not facts:
        return ()
    ids = {alert_id(practice_id, fact): fact for fact in facts}
    known = select(Alert.id).where(Alert.practice_id == practice_id, among(session.connection(), Alert.id, list(ids)))
    in_hand = select(Alert.episode_id).where(
        Alert.practice_id == practice_id,
        Alert.kind == AlertKind.far_behind,
        Alert.state != said(AlertState.closed),
        among(session.connection(), Alert.episode_id, sorted({fact.episode_id for fact in facts})),
    )
    stored, behind = set(session.scalars(known)), set(session.scalars(in_hand))
    left: list[Fact] = []
    for row_id, fact in ids.items():
        is_delay = fact.kind is AlertKind.far_behind
        if row_id in stored or (is_delay and fact.episode_id in behind):
            continue
        left.append(fact)
        behind |= {fact.episode_id} if is_delay else set()
    return tuple(left)
