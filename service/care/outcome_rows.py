"""Reads what outcomes are counted from: performed surgeries, milestones of a kind, and the last word of each course.

Few SELECTs over the whole practice, as plain rows. Knows no statistics and decides who belongs to which group.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, func, select, union_all
from sqlalchemy.orm import Session

from models import CheckIn, Episode, Milestone, MilestoneProgress, ObservedFact, Patient, QuestionnaireAnswer, Surgery
from models.clearance import Clearance
from models.report import Visit, VisitState
from schedules.plan.kinds import WORK_CLASS_OF
from schedules.plan.lifted import is_at_least
from schedules.plan.vocabulary import (
    ApproachClass,
    MilestoneKind,
    Procedure,
    SkipReason,
    SurgeryStatus,
    WorkClass,
)

_ONE_DAY: Final = timedelta(days=1)
# A patient who leaves an item out is followed no further for it; of these reasons the item never was theirs.
_NEVER_THEIRS: Final = (SkipReason.not_applicable, SkipReason.surgery_cancelled)


@dataclass(frozen=True, slots=True)
class IndexSurgery:
    """The first performed surgery of a course of care, by which it is counted. `ended_on`: the last day that counts.

    `known_at`: when the clinic's service came to know of the day.
    `approach_class` is as performed: what was converted to open counts as open.
    """

    episode_id: str
    patient_id: str
    surgery_id: str
    procedure: Procedure
    approach_class: ApproachClass | None
    day0: date
    known_at: datetime | None
    ended_on: date | None
    discharged_on: date | None
    blood_loss_ml: int | None


@dataclass(frozen=True, slots=True)
class Cohort:
    """A procedure's index surgeries, and how many courses are left out since two procedures began on one day."""

    surgeries: tuple[IndexSurgery, ...]
    combined: int


@dataclass(frozen=True, slots=True)
class Item:
    """A milestone of a course: when it was reached, or when the patient left it out.

    `closed_on`: the last day of its window, or of one without an end its target.
    """

    reached_on: date | None
    left_out_at: datetime | None
    closed_on: date | None


def read_cohort(
    session: Session,
    practice_id: str,
    procedure: Procedure,
    today: date,
    *,
    latest: int | None = None,
    approach_class: ApproachClass | None = None,
) -> Cohort:
    """Return the courses of care that began with a procedure, up to `today`. One SELECT.

    `latest`: only those of so many of the latest surgeries of one class, which may be None.
    """
    wanted = select(Surgery.episode_id).where(_performed(practice_id, today), Surgery.procedure == procedure)
    if latest is not None:
        of_class = Surgery.approach_class.is_not_distinct_from(approach_class)
        wanted = wanted.where(of_class).order_by(Surgery.surgery_on.desc(), Surgery.id).limit(latest)
    found, combined = [], 0
    for _, rows in groupby(session.execute(_surgeries(practice_id, today, wanted)), lambda row: row.episode_id):
        stages = list(rows)
        first = [row for row in stages if row.surgery_on == stages[0].surgery_on]
        kinds = {(row.procedure, row.approach_class) for row in first}
        if procedure not in {row.procedure for row in first}:
            continue
        if len(kinds) > 1:
            combined += 1
            continue
        later = [row.surgery_on - _ONE_DAY for row in stages if row.surgery_on > stages[0].surgery_on]
        ends = [*later[:1], *([stages[0].died_on] if stages[0].died_on else [])]
        found.append(_index_of(stages[0], min(ends, default=None)))
    return Cohort(tuple(found), combined)


def _performed(practice_id: str, today: date) -> ColumnElement[bool]:
    return and_(
        Surgery.practice_id == practice_id,
        Surgery.status == SurgeryStatus.performed,
        Surgery.surgery_on <= today,
        Surgery.deleted.is_(False),
    )


def _surgeries(practice_id: str, today: date, episodes: Select[str]) -> Select[*tuple[Any, ...]]:
    """Return a query of every performed surgery of courses, course by course."""
    columns = (
        Surgery.episode_id, Surgery.patient_id, Surgery.id, Surgery.procedure, Surgery.approach_class,
        Surgery.surgery_on, Surgery.dated_at, Surgery.discharged_on, Surgery.blood_loss_ml, Patient.died_on,
    )  # fmt: skip
    return (
        select(*columns)
        .join(Episode, _same(Episode, Surgery.practice_id, Surgery.episode_id))
        .join(Patient, _same(Patient, Surgery.practice_id, Surgery.patient_id))
        .where(_performed(practice_id, today), Surgery.episode_id.in_(episodes))
        .where(Episode.deleted.is_(False), Patient.deleted.is_(False))
        .order_by(Surgery.episode_id, Surgery.surgery_on, Surgery.stage)
    )


def _same(model: type[Any], practice_id: Any, row_id: Any) -> ColumnElement[bool]:
    return and_(model.practice_id == practice_id, model.id == row_id)


def _index_of(row: Any, ended_on: date | None) -> IndexSurgery:
    return IndexSurgery(
        episode_id=row.episode_id,
        patient_id=row.patient_id,
        surgery_id=row.id,
        procedure=row.procedure,
        approach_class=row.approach_class,
        day0=row.surgery_on,
        known_at=row.dated_at,
        ended_on=ended_on,
        discharged_on=row.discharged_on,
        blood_loss_ml=row.blood_loss_ml,
    )


def read_items(
    session: Session, practice_id: str, procedure: Procedure, kind: MilestoneKind, day0s: Mapping[str, date]
) -> Mapping[str, Item]:
    """Return the milestones of a kind of the courses in `day0s`, the first occurrence of each. Two SELECTs.

    A course without such a milestone, or for which it does not apply, is not in it: it is not at risk. It is reached on
    the first day, from day 0 on, on which it was reported as reached, or from which a clearance holds until now.
    """
    cleared = _read_cleared(session, practice_id, kind)
    items: dict[str, Item] = {}
    for row in session.execute(_items(practice_id, procedure, kind)):
        day0 = day0s.get(row.episode_id)
        if day0 is None or row.episode_id in items or row.skip_reason in _NEVER_THEIRS:
            continue
        days = [day for day in (row.achieved_on, *cleared.get(row.id, ())) if day is not None and day >= day0]
        left_out_at = row.reported_at if row.skip_reason is not None else None
        items[row.episode_id] = Item(min(days, default=None), left_out_at, row.latest_on or row.target_on)
    return items


def _items(practice_id: str, procedure: Procedure, kind: MilestoneKind) -> Select[*tuple[Any, ...]]:
    columns = (
        Milestone.episode_id, Milestone.id, Milestone.latest_on, Milestone.target_on, MilestoneProgress.achieved_on,
        MilestoneProgress.skip_reason, MilestoneProgress.reported_at,
    )  # fmt: skip
    return (
        select(*columns)
        .outerjoin(MilestoneProgress, _same(MilestoneProgress, Milestone.practice_id, Milestone.id))
        .where(
            Milestone.practice_id == practice_id,
            Milestone.kind == kind.value,
            Milestone.cancelled_at.is_(None),
            Milestone.deleted.is_(False),
            Milestone.episode_id.in_(_episodes_with(practice_id, procedure)),
        )
        .order_by(Milestone.episode_id, Milestone.occurrence)
    )


def read_answers(session: Session, practice_id: str, procedure: Procedure) -> Iterable[Row[*tuple[Any, ...]]]:
    """Return the answers to questionnaires of courses with a procedure, in their order. One SELECT.

    Each has the kind, target day and window of the milestone that it answers, or None for these.
    """
    columns = (
        QuestionnaireAnswer.episode_id, QuestionnaireAnswer.instrument, QuestionnaireAnswer.answers,
        QuestionnaireAnswer.answered_at, Milestone.kind, Milestone.target_days, Milestone.earliest_on,
        Milestone.latest_on,
    )  # fmt: skip
    asked_as = _same(Milestone, QuestionnaireAnswer.practice_id, QuestionnaireAnswer.milestone_id)
    query = (
        select(*columns)
        .outerjoin(Milestone, and_(asked_as, Milestone.deleted.is_(False)))
        .where(
            QuestionnaireAnswer.practice_id == practice_id,
            QuestionnaireAnswer.deleted.is_(False),
            QuestionnaireAnswer.episode_id.in_(_episodes_with(practice_id, procedure)),
        )
        .order_by(QuestionnaireAnswer.answered_at, QuestionnaireAnswer.id)
    )
    return session.execute(query)


def _episodes_with(practice_id: str, procedure: Procedure) -> Select[str]:
    return select(Surgery.episode_id).where(Surgery.practice_id == practice_id, Surgery.procedure == procedure)


def _read_cleared(session: Session, practice_id: str, kind: MilestoneKind) -> Mapping[str, list[date]]:
    """Return the days on which the whole of an item was cleared and not taken back, by milestone."""
    query = (
        select(Clearance.milestone_id, Clearance.cleared_on, Clearance.work_class)
        .join(Milestone, _same(Milestone, Clearance.practice_id, Clearance.milestone_id))
        .where(
            Clearance.practice_id == practice_id,
            Clearance.revoked_on.is_(None),
            Clearance.deleted.is_(False),
            Milestone.kind == kind.value,
        )
    )
    own = WORK_CLASS_OF.get(kind)
    cleared: dict[str, list[date]] = {}
    for row in session.execute(query):
        if _is_whole(row.work_class, own):
            cleared.setdefault(row.milestone_id, []).append(row.cleared_on)
    return cleared


def _is_whole(cleared: WorkClass | None, own: WorkClass | None) -> bool:
    return own is None or cleared is None or is_at_least(cleared, own)


def read_last_words(session: Session, practice_id: str, procedure: Procedure) -> Mapping[str, datetime]:
    """Return the last instant of which anything is known, by course. One SELECT."""
    words = _words(practice_id, _episodes_with(practice_id, procedure))
    query = select(words.c.episode_id, func.max(words.c.at)).group_by(words.c.episode_id)
    return {episode_id: at for episode_id, at in session.execute(query) if at is not None}


def _words(practice_id: str, episodes: Select[str]) -> Subquery:
    told: Iterable[tuple[type[Any], Any]] = (
        (CheckIn, CheckIn.reported_at),
        (QuestionnaireAnswer, QuestionnaireAnswer.answered_at),
        (ObservedFact, ObservedFact.observed_at),
        (Clearance, Clearance.cleared_at),
    )
    latest = [
        select(model.episode_id.label("episode_id"), func.max(at).label("at"))
        .where(model.practice_id == practice_id, model.deleted.is_(False), model.episode_id.in_(episodes))
        .group_by(model.episode_id)
        for model, at in told
    ]
    visits = (
        select(Visit.episode_id, func.max(Visit.booked_for))
        .where(Visit.practice_id == practice_id, Visit.deleted.is_(False), Visit.state == VisitState.done)
        .where(Visit.episode_id.in_(episodes))
        .group_by(Visit.episode_id)
    )
    reports = (
        select(Milestone.episode_id, func.max(MilestoneProgress.reported_at))
        .join(MilestoneProgress, _same(MilestoneProgress, Milestone.practice_id, Milestone.id))
        .where(Milestone.practice_id == practice_id, Milestone.episode_id.in_(episodes))
        .group_by(Milestone.episode_id)
    )
    return union_all(*latest, visits, reports).subquery()
