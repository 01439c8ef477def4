"""The page of one patient: what is true today, what they may do, what comes next and whose turn it is."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from flask import Response, request
from sqlalchemy import select

from models import Episode, Patient, Practice, Task
from schedules.plan.vocabulary import Language
from service.api.scope import caller, now, show
from service.api.settle import settled
from service.care.enrol import clinic_today
from service.care.limits import patient_limits
from service.care.plan_view import PlanView, view_plan
from service.care.progress_view import ProgressView, view_progress
from service.care.reach import find_patient, practice_of
from service.care.tasks import TaskFilter, list_tasks
from service.dashboard.blueprint import clinic
from service.dashboard.queries.worklist import OPEN
from service.dashboard.render import language, page
from service.db import current_session
from service.errors import NotFoundError
from service.pages.lines import LimitLine, lines_of

_MOST_TASKS = 50


@dataclass(frozen=True, slots=True)
class Course:
    """One episode of a patient as it stands today."""

    episode: Episode
    plan: PlanView
    progress: ProgressView
    tasks: tuple[Task, ...]


@clinic.get("/patients/<id:patient_id>")
@settled
def show_patient(patient_id: str) -> Response:
    """Show one patient, by the episode that is asked for, or else the one that began last."""
    session, practice = current_session(), practice_of(current_session(), caller())
    patient = find_patient(session, caller(), patient_id)
    show(patient.id)
    today, zone = clinic_today(practice, now()), ZoneInfo(practice.time_zone)
    episodes = _episodes(patient)
    course = _course(practice, _chosen(episodes), today) if episodes else None
    return page(
        "patient.html",
        patient=patient,
        limits=_limits(patient),
        today=today,
        zone=zone,
        episodes=episodes,
        course=course,
    )


def _episodes(patient: Patient) -> list[Episode]:
    """Return the patient's episodes, the open ones first and of these the latest."""
    query = select(Episode).filter_by(practice_id=patient.practice_id, patient_id=patient.id, deleted=False)
    rows = current_session().scalars(query.order_by(Episode.enrolled_at.desc(), Episode.id)).all()
    return sorted(rows, key=lambda row: row.status not in OPEN)


def _chosen(episodes: list[Episode]) -> Episode:
    asked = request.args.get("episode")
    found = [row for row in episodes if asked in (None, row.id)]
    if not found:
        raise NotFoundError
    return found[0]


def _course(practice: Practice, episode: Episode, today: date) -> Course:
    session = current_session()
    wanted = TaskFilter(patient_id=episode.patient_id)
    tasks = list_tasks(session, practice.id, wanted, after=None, limit=_MOST_TASKS)
    return Course(
        episode=episode,
        plan=view_plan(session, practice, episode, today, now()),
        progress=view_progress(session, practice, episode, today),
        tasks=tuple(task for task in tasks if task.episode_id == episode.id),
    )


def _limits(patient: Patient) -> list[LimitLine] | None:
    """Return what the patient's open episodes limit today; None if none is open."""
    told = patient_limits(current_session(), caller(), patient.id, on=None, now=now())
    return None if told.limits is None else lines_of(told.limits, Language(language()), patient.units)
