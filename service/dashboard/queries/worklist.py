"""What the worklist is made of: open episodes, what of their plans is late or waits, tasks, alerts, last check-ins.

Nine SELECTs, whatever the number of patients. Which items matter is narrowed down here by dates alone; how each
stands is decided by `schedules.plan.progress`, as everywhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from models import Alert, CheckIn, Episode, Milestone, MilestoneProgress, Patient, Staff, Surgery, Task
from models.clearance import Clearance
from models.people import StaffRole
from models.report import TaskKind, TaskState
from schedules.plan.progress import ClearedSpan, MilestoneFacts, ProgressFacts, milestone_state
from schedules.plan.vocabulary import (
    AlertKind,
    AlertState,
    AlertUrgency,
    ApproachClass,
    EpisodeStatus,
    MilestoneState,
    Owner,
    PastPolicy,
    Procedure,
    SurgeryStatus,
)
from service.care.plan_rows import lifts_whole

OPEN: Final = (EpisodeStatus.active, EpisodeStatus.paused)
_LEFT_OUT: Final = (PastPolicy.skip, PastPolicy.not_applicable)


@dataclass(frozen=True, slots=True)
class Person:
    """A patient in an open episode."""

    patient_id: str
    episode_id: str
    given_name: str
    family_name: str
    mrn: str
    date_of_birth: date
    coordinator_id: str | None

    @property
    def name(self) -> str:
        """Return the name as lists show it."""
        return f"{self.family_name}, {self.given_name}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A surgery of an open episode that was not cancelled."""

    episode_id: str
    stage: int
    procedure: Procedure
    approach_class: ApproachClass | None
    surgery_on: date | None
    status: SurgeryStatus

    @property
    def place(self) -> tuple[str, int]:
        """Return what names the surgery within the practice."""
        return self.episode_id, self.stage


@dataclass(frozen=True, slots=True)
class Late:
    """An item of a plan that waits for a clinician (`eligible`), or that the patient should have done (`overdue`).

    `since_on`: the day from which it could be cleared, or the last day on which it was in time.
    """

    episode_id: str
    milestone_id: str
    kind: str
    state: MilestoneState
    since_on: date


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A question that waits for the clinic."""

    task_id: str
    episode_id: str
    kind: TaskKind
    due_on: date | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is not closed."""

    alert_id: str
    episode_id: str
    kind: AlertKind
    urgency: AlertUrgency
    state: AlertState
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Caseload:
    """All that the worklist of a practice is made of. Everything but `people` and `staff` is by episode."""

    people: tuple[Person, ...]
    stages: Mapping[str, Sequence[Stage]]
    late: Mapping[str, Sequence[Late]]
    tasks: Mapping[str, Sequence[OpenTask]]
    alerts: Mapping[str, Sequence[OpenAlert]]
    heard_at: Mapping[str, datetime]
    staff: Mapping[str, str]


def load_caseload(session: Session, practice_id: str, today: date) -> Caseload:
    """Return what the worklist of a practice is made of on a day of its calendar."""
    return Caseload(
        people=_people(session, practice_id),
        stages=_by_episode(_stages(session, practice_id)),
        late=_by_episode(_late(session, practice_id, today)),
        tasks=_by_episode(_tasks(session, practice_id)),
        alerts=_by_episode(_alerts(session, practice_id)),
        heard_at=_heard_at(session, practice_id),
        staff=_coordinators(session, practice_id),
    )


def _people(session: Session, practice_id: str) -> tuple[Person, ...]:
    columns = (Patient.given_name, Patient.family_name, Patient.mrn, Patient.date_of_birth)
    query = (
        select(Patient.id, Episode.id, *columns, Episode.coordinator_id)
        .join(Episode, and_(Episode.practice_id == Patient.practice_id, Episode.patient_id == Patient.id))
        .where(_is_open(practice_id), Patient.deleted.is_(False), Patient.died_on.is_(None))
        .order_by(Patient.family_name, Patient.given_name, Patient.id, Episode.id)
    )
    return tuple([Person(*row) for row in session.connection().execute(query)])


def _stages(session: Session, practice_id: str) -> list[Stage]:
    columns = (Surgery.procedure, Surgery.approach_class, Surgery.surgery_on, Surgery.status)
    query = _of_open(select(Surgery.episode_id, Surgery.stage, *columns), Surgery, practice_id)
    query = query.where(Surgery.status != SurgeryStatus.cancelled).order_by(Surgery.episode_id, Surgery.stage)
    return [Stage(*row) for row in session.connection().execute(query)]


def levels_of(session: Session, practice_id: str, stages: Iterable[Stage]) -> dict[tuple[str, int], list[str]]:
    """Return the levels of some surgeries, by their places."""
    wanted = [each.place for each in stages]
    query = select(Surgery.episode_id, Surgery.stage, Surgery.levels).where(
        Surgery.practice_id == practice_id, Surgery.episode_id.in_([episode_id for episode_id, _ in wanted])
    )
    found = {(row.episode_id, row.stage): row.levels for row in session.execute(query)}
    return {each: found[each] for each in wanted}


def _late(session: Session, practice_id: str, today: date) -> list[Late]:
    cleared = _clearances(session, practice_id, today)
    columns = (
        Milestone.id, Milestone.episode_id, Milestone.kind, Milestone.phase, Milestone.earliest_on,
        Milestone.target_on, Milestone.latest_on, Milestone.eligible_on, Milestone.lifts, Milestone.owner,
        Milestone.past_policy, Milestone.superseded_on, Surgery.surgery_on,
    )  # fmt: skip
    query = (
        _of_open(select(*columns), Milestone, practice_id)
        .join(Surgery, and_(Surgery.practice_id == Milestone.practice_id, Surgery.id == Milestone.surgery_id))
        .outerjoin(
            MilestoneProgress,
            and_(MilestoneProgress.practice_id == Milestone.practice_id, MilestoneProgress.id == Milestone.id),
        )
        .where(_may_be_late(today))
        .order_by(Milestone.episode_id, Milestone.target_on, Milestone.id)
    )
    found = (_judge(row, cleared.get(row.id, ()), today) for row in session.connection().execute(query))
    return [each for each in found if each is not None]


def _may_be_late(today: date) -> ColumnElement[bool]:
    """Return what an item must be to wait for a clinician, or to be behind. What it is not, nobody looks at."""
    due_on = case((Milestone.target_on.is_(None), Milestone.latest_on), else_=Milestone.eligible_on)
    is_open = and_(
        Milestone.deleted.is_(False),
        Milestone.cancelled_at.is_(None),
        MilestoneProgress.achieved_on.is_(None),
        MilestoneProgress.skip_reason.is_(None),
        Milestone.earliest_on <= today,
        or_(Milestone.past_policy.is_(None), Milestone.past_policy.not_in(_LEFT_OUT)),
        or_(Milestone.superseded_on.is_(None), Milestone.superseded_on > today),
    )
    waits = and_(Milestone.lifts.is_not(None), due_on <= today)
    is_behind = and_(Milestone.lifts.is_(None), Milestone.owner == Owner.patient, Milestone.latest_on < today)
    return and_(is_open, or_(waits, is_behind))


def _judge(row: Any, cleared: Sequence[Clearance], today: date) -> Late | None:
    facts = MilestoneFacts(
        phase=row.phase,
        earliest_on=row.earliest_on,
        target_on=row.target_on,
        latest_on=row.latest_on,
        eligible_on=row.eligible_on,
        lifts=row.lifts,
        owner=row.owner,
        past_policy=row.past_policy,
        superseded_on=row.superseded_on,
    )
    day0 = row.surgery_on
    spans = tuple(
        ClearedSpan(each.cleared_on, each.revoked_on)
        for each in cleared
        if day0 is not None and day0 <= each.cleared_on and lifts_whole(each, row)
    )
    state = milestone_state(facts, ProgressFacts(clearances=spans), today)
    since_on = facts.due_on if state is MilestoneState.eligible else facts.closes_on
    if state not in (MilestoneState.eligible, MilestoneState.overdue) or since_on is None:
        return None
    return Late(row.episode_id, row.id, row.kind, state, since_on)


def _clearances(session: Session, practice_id: str, today: date) -> dict[str, list[Clearance]]:
    query = _of_open(select(Clearance), Clearance, practice_id).where(
        Clearance.deleted.is_(False),
        Clearance.cleared_on <= today,
        or_(Clearance.revoked_on.is_(None), Clearance.revoked_on > today),
    )
    found: dict[str, list[Clearance]] = defaultdict(list)
    for clearance in session.scalars(query):
        found[clearance.milestone_id].append(clearance)
    return found


def _tasks(session: Session, practice_id: str) -> list[OpenTask]:
    columns = (Task.id, Task.episode_id, Task.kind, Task.due_on, Task.created_at)
    query = _of_open(select(*columns), Task, practice_id)
    query = query.where(Task.deleted.is_(False), Task.state == TaskState.open)
    return [OpenTask(*row) for row in session.connection().execute(query.order_by(Task.created_at, Task.id))]


def _alerts(session: Session, practice_id: str) -> list[OpenAlert]:
    """Return the alerts that are not closed. What time alone has raised is on the list by itself: silent, behind."""
    columns = (Alert.id, Alert.episode_id, Alert.kind, Alert.urgency, Alert.state, Alert.raised_at)
    query = _of_open(select(*columns), Alert, practice_id).where(
        Alert.state != AlertState.closed, Alert.urgency != AlertUrgency.routine
    )
    return [OpenAlert(*row) for row in session.connection().execute(query.order_by(Alert.raised_at, Alert.id))]


def _heard_at(session: Session, practice_id: str) -> dict[str, datetime]:
    query = _of_open(select(CheckIn.episode_id, func.max(CheckIn.reported_at)), CheckIn, practice_id)
    query = query.where(CheckIn.deleted.is_(False)).group_by(CheckIn.episode_id)
    return {row[0]: row[1] for row in session.connection().execute(query)}


def _coordinators(session: Session, practice_id: str) -> dict[str, str]:
    query = select(Staff.id, Staff.display_name).where(
        Staff.practice_id == practice_id, Staff.role == StaffRole.coordinator
    )
    return {row[0]: row[1] for row in session.execute(query.order_by(Staff.display_name))}


def _of_open(query: Any, model: type[Any], practice_id: str) -> Any:
    """Return a query of rows that belong to open episodes of the practice."""
    of_episode = and_(Episode.practice_id == model.practice_id, Episode.id == model.episode_id)
    return (
        query.select_from(model)
        .join(Episode, of_episode)
        .where(model.practice_id == practice_id, _is_open(practice_id))
    )


def _is_open(practice_id: str) -> ColumnElement[bool]:
    return and_(Episode.practice_id == practice_id, Episode.status.in_(OPEN), Episode.deleted.is_(False))


def _by_episode(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.episode_id].append(row)
    return found
