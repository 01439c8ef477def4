"""The worklist's statements, built once. Each is led by an index that holds what is open alone, so that patients who
are finished cost nothing.

Who is silent, and what is late or waits, is looked for in every open episode. All else is read of those alone who may
need somebody, so that of the others in recovery no name, surgery or check-in is read.
"""

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
    or_,
    select,
)

from models import Alert, CheckIn, Episode, Milestone, MilestoneProgress, Patient, Staff, Surgery, Task
from models.base import UtcDateTime, said
from models.clearance import Clearance
from models.people import StaffRole
from models.prepared import Prepared
from models.report import TaskState
from models.sets import is_in_list
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
_PRACTICE: Final[BindParameter[str]] = bindparam("practice")
_TODAY: Final = bindparam("today", type_=Date())
_IS_OPEN: Final = and_(
    Episode.practice_id == _PRACTICE, Episode.status.in_([said(word) for word in OPEN]), Episode.deleted.is_(False)
)


def _of_open(dialect: str, query: Select[*tuple[Any, ...]], model: type[Any]) -> Select[*tuple[Any, ...]]:
    """Return a query of rows of the practice's open episodes, led from these in the way that the database follows.

    SQLite would choose an order of its own for a join; PostgreSQL keeps to it when it looks up by key.
    """
    if dialect == "sqlite":
        return query.where(
            model.practice_id == _PRACTICE, model.episode_id.in_(select(Episode.id).where(_IS_OPEN).correlate(None))
        )
    return query.select_from(Episode).join(model, _is_its(model)).where(_IS_OPEN)


def _is_its(model: type[Any]) -> ColumnElement[bool]:
    return and_(model.practice_id == Episode.practice_id, model.episode_id == Episode.id)


def _if_open(query: Select[*tuple[Any, ...]], model: type[Any]) -> Prepared:
    """Return the statement of what is open by itself, and led by that, of the practice's open episodes."""
    is_of_open = select(Episode.id).where(_is_its(model), _IS_OPEN).correlate(model).exists()
    return Prepared(query.where(model.practice_id == _PRACTICE, is_of_open))


_GONE: Final = select(Patient.id).where(
    Patient.practice_id == _PRACTICE, or_(Patient.died_on.is_not(None), Patient.deleted.is_(True))
)
# How many patients are in recovery.
COUNT: Final = Prepared(
    select(func.count()).select_from(Episode).where(_IS_OPEN, Episode.patient_id.not_in(_GONE.correlate(None)))
)
_WAS_HEARD: Final = (
    select(CheckIn.reported_at)
    .where(
        _is_its(CheckIn),
        CheckIn.reported_at >= bindparam("lately", type_=UtcDateTime()),
        CheckIn.deleted.is_(False),
    )
    .correlate(Episode)
    .exists()
)
_WAS_OPERATED: Final = (
    select(Surgery.id)
    .where(
        _is_its(Surgery),
        Surgery.surgery_on >= bindparam("operated_since", type_=Date()),
        Surgery.status == SurgeryStatus.performed,
        Surgery.deleted.is_(False),
    )
    .correlate(Episode)
    .exists()
)
_OPERATED_TODAY: Final = select(Surgery.episode_id).where(
    Surgery.practice_id == _PRACTICE, Surgery.surgery_on == _TODAY, Surgery.deleted.is_(False)
)
# The open episodes of who may be silent, or has surgery today.
QUIET: Final = Prepared(
    select(Episode.id).where(
        _IS_OPEN, or_(and_(~_WAS_HEARD, _WAS_OPERATED), Episode.id.in_(_OPERATED_TODAY.correlate(None)))
    )
)

_HEARD_AT: Final = (
    select(func.max(CheckIn.reported_at)).where(_is_its(CheckIn), CheckIn.deleted.is_(False)).scalar_subquery()
)


@cache
def people(dialect: str) -> Prepared:
    """Return the statement of who is in some open episodes.

    A row for each surgery that was not cancelled, or one without any. Without an order: to sort is dear.
    """
    columns = (
        *(Episode.id, Patient.id.label("patient_id"), Patient.given_name, Patient.family_name),
        *(Patient.date_of_birth, Episode.coordinator_id, _HEARD_AT.label("heard_at")),
        *(Surgery.stage, Surgery.procedure, Surgery.approach_class, Surgery.surgery_on, Surgery.status),
    )
    is_real = and_(_is_its(Surgery), Surgery.deleted.is_(False), Surgery.status != SurgeryStatus.cancelled)
    return Prepared(
        select(*columns)
        .select_from(Episode)
        .join(Patient, and_(Patient.practice_id == Episode.practice_id, Patient.id == Episode.patient_id))
        .outerjoin(Surgery, is_real)
        .where(_IS_OPEN, Patient.deleted.is_(False), Patient.died_on.is_(None))
        .where(is_in_list(dialect, Episode.id, "episodes"))
    )


_TASK: Final = select(Task.id, Task.episode_id, Task.kind, Task.due_on, Task.created_at)
TASKS: Final = _if_open(_TASK.where(Task.deleted.is_(False), Task.state == said(TaskState.open)), Task)
_ALERT: Final = select(Alert.id, Alert.episode_id, Alert.kind, Alert.urgency, Alert.state, Alert.raised_at)
# The alerts that are not closed, but those that nobody is called for.
ALERTS: Final = _if_open(
    _ALERT.where(Alert.state != said(AlertState.closed), Alert.urgency != AlertUrgency.routine), Alert
)
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
        or_(Milestone.lifts.is_not(None), Milestone.owner == said(Owner.patient)),
        Milestone.deleted.is_(False),
        or_(Milestone.phase != Phase.before_surgery, Milestone.latest_on.is_(None), Milestone.latest_on >= _TODAY),
        MilestoneProgress.achieved_on.is_(None),
        MilestoneProgress.skip_reason.is_(None),
        or_(
            Milestone.past_policy.is_(None),
            Milestone.past_policy.not_in([said(word) for word in (PastPolicy.skip, PastPolicy.not_applicable)]),
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
