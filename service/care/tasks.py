"""Use cases: the questions that wait for the clinic are listed and closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from models import Milestone, Task
from models.base import said
from models.receipts import DeadAddress
from models.report import TaskKind, TaskState
from service.care.reach import lock_row
from service.errors import ConflictError, Fault
from service.identity.principal import Principal

_ANSWERED_BY = {
    TaskKind.confirm_surgery: "the surgery's status, by PATCH: performed or cancelled",
    TaskKind.fill_slot: "each item filled by a clinician, signed where needed, or skipped",
}


class CloseOutcome(StrEnum):
    """What was found out, where a question's answer changes something."""

    still_valid = "still_valid"  # the address that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks a list holds."""

    state: TaskState | None = TaskState.open
    kind: TaskKind | None = None
    patient_id: str | None = None


def list_tasks(
    session: Session, practice_id: str, wanted: TaskFilter, *, after: str | None, limit: int
) -> Sequence[Task]:
    """Return up to `limit` tasks in the order in which they were asked, from the one after the id `after` on."""
    place = (Task.created_at, Task.id)
    given = {"kind": wanted.kind, "patient_id": wanted.patient_id}
    query = select(Task).filter_by(practice_id=practice_id, deleted=False)
    query = query.filter_by(**{name: value for name, value in given.items() if value is not None})
    if wanted.state is not None:
        query = query.where(Task.state == said(wanted.state))  # open ones have an index of their own
    if after is not None:
        last = session.execute(select(*place).filter_by(practice_id=practice_id, id=after)).one_or_none()
        query = query.where(tuple_(*place) > tuple(last)) if last is not None else query
    return session.scalars(query.order_by(*place).limit(limit)).all()


def ask_to_call(milestone: Milestone, task_id: str, *, due_on: date | None, now: datetime) -> Task:
    """Return the question to call a patient who may act on what is no longer so of a milestone."""
    return Task(
        practice_id=milestone.practice_id,
        id=task_id,
        patient_id=milestone.patient_id,
        episode_id=milestone.episode_id,
        surgery_id=milestone.surgery_id,
        kind=TaskKind.call_patient,
        state=TaskState.open,
        due_on=due_on,
        about={"milestone_ids": [milestone.id]},
        created_at=now,
    )


def close_task(
    session: Session, caller: Principal, task_id: str, *, outcome: CloseOutcome | None = None, now: datetime
) -> Task:
    """Mark a question as answered. One that is closed already stays as it is.

    An address that is `still_valid` takes messages again. Raises NotFoundError, and ConflictError for an outcome of
    another question and for what is answered elsewhere: whether a surgery happened by its status, a blank personal item
    by the item.
    """
    task = lock_row(session, caller, Task, task_id)
    if outcome is not None and task.kind is not TaskKind.address_failed:
        raise ConflictError(Fault("/outcome", "none for this kind of question", outcome))
    if task.state is not TaskState.open:
        return task
    answered_by = _ANSWERED_BY.get(task.kind)
    if answered_by is not None:
        raise ConflictError(Fault("", answered_by, "a closed question"))
    if outcome is CloseOutcome.still_valid:
        _revive_address(session, task, now)
    task.state, task.done_at, task.done_by = TaskState.done, now, caller.actor_id
    return task


def _revive_address(session: Session, task: Task, now: datetime) -> None:
    query = select(DeadAddress).filter_by(practice_id=task.practice_id, task_id=task.id).with_for_update()
    for dead in session.scalars(query):
        dead.revived_at = now
