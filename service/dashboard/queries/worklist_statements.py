"""The worklist's statements, built once. Each is led from the open episodes to their rows.

Indexes that hold what is open alone lead there, so that patients who are finished cost nothing.
"""

from enum import StrEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
)

from models import Alert, CheckIn, Episode, Milestone, MilestoneProgress, Patient, Staff, Surgery, Task
from models.clearance import Clearance
from models.people import StaffRole
from models.prepared import Prepared
from models.report import TaskState
from schedules.plan.vocabulary import (
    AlertState,
    AlertUrgency,
    EpisodeStatus,
    Owner,
    PastPolicy,
    Phase,
    SurgeryStatus,
)

OPEN: Final = (EpisodeStatus.active, EpisodeStatus.paused)


def _said(word: StrEnum) -> ColumnElement[str]:
    """Return a word for a condition that an index has too.

    Of a parameter a database cannot know, before it has it, that the index holds what is wanted.
    """
    return literal_column(f"'{word.value}'")


_PRACTICE: Final[BindParameter[str]] = bindparam("practice")
_TODAY: Final = bindparam("today", type_=Date())
_IS_OPEN: Final = and_(
    Episode.practice_id == _PRACTICE, Episode.status.in_([_said(word) for word in OPEN]), Episode.deleted.is_(False)
)


def _of_open(dialect: str, query: Select[*tuple[Any, ...]], model: type[Any]) -> Select[*tuple[Any, ...]]:
    """Return a query of rows of the practice's open episodes, led from these in the way that the database follows.

    SQLite would choose an order of its own for a join; PostgreSQL keeps to it when it looks up by key.
    """
    if dialect == "sqlite":
        return query.where(
            model.practice_id == _PRACTICE, model.episode_id.in_(select(Episode.id).where(_IS_OPEN).correlate(None))
        )
    is_its = and_(model.practice_id == Episode.practice_id, model.episode_id == Episode.id)
    return query.select_from(Episode).join(model, is_its).where(_IS_OPEN)


_HEARD_AT: Final = (
    select(func.max(CheckIn.reported_at))
    .where(CheckIn.practice_id == Episode.practice_id, CheckIn.episode_id == Episode.id, CheckIn.deleted.is_(False))
    .scalar_subquery()
)
# A row for each surgery that was not cancelled, or one without any. Without an order: to sort is dear.
PEOPLE: Final = Prepared(
    select(
        *(Episode.id, Patient.id.label("patient_id"), Patient.given_name, Patient.family_name),
        *(Patient.date_of_birth, Episode.coordinator_id, _HEARD_AT.label("heard_at")),
        *(Surgery.stage, Surgery.procedure, Surgery.approach_class, Surgery.surgery_on, Surgery.status),
    )
    .select_from(Episode)
    .join(Patient, and_(Patient.practice_id == Episode.practice_id, Patient.id == Episode.patient_id))
    .outerjoin(
        Surgery,
        and_(
            Surgery.practice_id == Episode.practice_id,
            Surgery.episode_id == Episode.id,
            Surgery.deleted.is_(False),
            Surgery.status != SurgeryStatus.cancelled,
        ),
    )
    .where(_IS_OPEN, Patient.deleted.is_(False), Patient.died_on.is_(None))
)


@cache
def tasks(dialect: str) -> Prepared:
    """Return the statement of the tasks that are open."""
    query = _of_open(dialect, select(Task.id, Task.episode_id, Task.kind, Task.due_on, Task.created_at), Task)
    return Prepared(query.where(Task.deleted.is_(False), Task.state == _said(TaskState.open)))


@cache
def alerts(dialect: str) -> Prepared:
    """Return the statement of the alerts that are not closed, but those that nobody is called for."""
    columns = (Alert.id, Alert.episode_id, Alert.kind, Alert.urgency, Alert.state, Alert.raised_at)
    query = _of_open(dialect, select(*columns), Alert)
    return Prepared(query.where(Alert.state != _said(AlertState.closed), Alert.urgency != AlertUrgency.routine))


STAFF: Final = Prepared(
    select(Staff.id, Staff.display_name)
    .where(Staff.practice_id == _PRACTICE, Staff.role == StaffRole.coordinator)
    .order_by(Staff.display_name)
)


def _may_be_late() -> ColumnElement[bool]:
    """Return what an item must be to wait for a clinician, or to be behind. What it is not, nobody looks at."""
    due_on = case((Milestone.target_on.is_(None), Milestone.latest_on), else_=Milestone.eligible_on)
    waits = and_(Milestone.lifts.is_not(None), due_on <= _TODAY)
    is_behind = and_(Milestone.lifts.is_(None), Milestone.latest_on < _TODAY)
    return and_(
        or_(waits, is_behind),
        Milestone.earliest_on <= _TODAY,
        Milestone.cancelled_at.is_(None),
        or_(Milestone.lifts.is_not(None), Milestone.owner == _said(Owner.patient)),
        Milestone.deleted.is_(False),
        or_(Milestone.phase != Phase.before_surgery, Milestone.latest_on.is_(None), Milestone.latest_on >= _TODAY),
        MilestoneProgress.achieved_on.is_(None),
        MilestoneProgress.skip_reason.is_(None),
        or_(
            Milestone.past_policy.is_(None),
            Milestone.past_policy.not_in([_said(word) for word in (PastPolicy.skip, PastPolicy.not_applicable)]),
        ),
        or_(Milestone.superseded_on.is_(None), Milestone.superseded_on > _TODAY),
    )


_HOLDS: Final = and_(
    Clearance.practice_id == Milestone.practice_id,
    Clearance.milestone_id == Milestone.id,
    Clearance.deleted.is_(False),
    Clearance.cleared_on <= _TODAY,
    or_(Clearance.revoked_on.is_(None), Clearance.revoked_on > _TODAY),
)


@cache
def late(dialect: str) -> Prepared:
    """Return the statement of the items that may wait or be behind: a row for each clearance that holds, or one."""
    columns = (
        *(Milestone.id, Milestone.episode_id, Milestone.kind, Milestone.phase, Milestone.earliest_on),
        *(Milestone.target_on, Milestone.latest_on, Milestone.eligible_on, Milestone.lifts, Milestone.owner),
        *(Milestone.past_policy, Milestone.superseded_on, Surgery.surgery_on),
        *(Clearance.cleared_on, Clearance.revoked_on, Clearance.work_class),
    )
    is_same = and_(MilestoneProgress.practice_id == Milestone.practice_id, MilestoneProgress.id == Milestone.id)
    return Prepared(
        _of_open(dialect, select(*columns), Milestone)
        .join(Surgery, and_(Surgery.practice_id == Milestone.practice_id, Surgery.id == Milestone.surgery_id))
        .outerjoin(MilestoneProgress, is_same)
        .outerjoin(Clearance, _HOLDS)
        .where(_may_be_late())
        .order_by(Milestone.episode_id, Milestone.target_on, Milestone.id)
    )
