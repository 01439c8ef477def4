"""Questions to the coordinator that messages give rise to: a dead address, an answer from a patient."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from models.care import Episode
from models.practice import Practice
from models.report import Task, TaskKind, TaskState
from schedules.plan.identity import plan_row_id
from schedules.plan.vocabulary import EpisodeStatus
from schedules.planning.rows import find

_UNDER_CARE = (EpisodeStatus.active, EpisodeStatus.paused)


def ask_of_patient(
    session: Session,
    kind: TaskKind,
    practice_id: str,
    patient_id: str,
    *,
    subject: str,
    about: Mapping[str, Any],
    now: datetime,
) -> Task | None:
    """Ask something about a patient, locked, or ask it again; return the task. One `subject` has one task.

    It stands with the episode that the patient is under care for, or the last one. None: the patient has none.
    """
    episode_id = _episode_of(session, practice_id, patient_id)
    if episode_id is None:
        return None
    task_id = plan_row_id(practice_id, patient_id, "task", kind, 1, subject)
    task = find(session, Task, practice_id, task_id)
    if task is None:
        task = Task(practice_id=practice_id, id=task_id, patient_id=patient_id, kind=kind, created_at=now)
        session.add(task)
    zone = ZoneInfo(session.get_one(Practice, practice_id).time_zone)
    task.episode_id, task.about, task.due_on = episode_id, dict(about), now.astimezone(zone).date()
    task.state, task.done_at, task.done_by = TaskState.open, None, None
    return task


def _episode_of(session: Session, practice_id: str, patient_id: str) -> str | None:
    under_care_first = case((Episode.status.in_(_UNDER_CARE), 0), else_=1)
    query = (
        select(Episode.id)
        .filter_by(practice_id=practice_id, patient_id=patient_id, deleted=False)
        .order_by(under_care_first, Episode.enrolled_at.desc(), Episode.id)
        .limit(1)
    )
    return session.scalars(query).one_or_none()
