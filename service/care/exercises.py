"""Use cases: what a patient is to tick off on a day, and how it was kept to in the seven days up to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models import CheckIn, Episode, Practice
from schedules.plan.exercises import Exercise, exercises_asked
from schedules.plan.vocabulary import MilestoneState
from schedules.planning.facts import PLANNED_FOR
from service.care.check_ins import list_check_ins
from service.care.plan_view import PlanView, view_plan

LOOKED_BACK_DAYS = 7
_MOST_CHECK_INS = 200  # of a week, from a phone that sends many


@dataclass(frozen=True, slots=True)
class ExerciseView:
    """One exercise that is asked about on the day, and on how many of the days looked back on it was ticked."""

    exercise: Exercise
    days_done: int


@dataclass(frozen=True, slots=True)
class ExercisesView:
    """What is to be ticked off on `as_of`. `days_told`: on so many of the seven days up to it the patient said so."""

    episode: Episode
    as_of: date
    days_told: int
    items: tuple[ExerciseView, ...]


def view_exercises(session: Session, practice: Practice, episode: Episode, as_of: date, now: datetime) -> ExercisesView:
    """Return an episode's exercises on a day of the clinic's calendar; none once it has ended."""
    plan = view_plan(session, practice, episode, as_of, now)
    reports = list_check_ins(session, practice.id, episode.id, after=None, limit=_MOST_CHECK_INS)
    return exercises_of(plan, reports, ZoneInfo(practice.time_zone))


def exercises_of(plan: PlanView, reports: Iterable[CheckIn], zone: ZoneInfo) -> ExercisesView:
    """Return the exercises that a plan asks about on its day, with what check-ins say of the days up to it.

    Several check-ins of a day count as one: what one of them ticks was done.
    """
    done: dict[date, set[str]] = {}
    for each in reports:
        on = each.reported_at.astimezone(zone).date()
        if each.exercises is not None and timedelta(0) <= plan.as_of - on < timedelta(days=LOOKED_BACK_DAYS):
            done.setdefault(on, set()).update(each.exercises)
    asked = exercises_asked(
        {each.row.kind for each in plan.restrictions if each.on_day.active},
        {each.row.kind for each in plan.milestones if each.state is MilestoneState.achieved},
    )
    if plan.episode.status not in PLANNED_FOR:
        asked = ()
    items = tuple(ExerciseView(each, sum(each.key in keys for keys in done.values())) for each in asked)
    return ExercisesView(plan.episode, plan.as_of, len(done), items)
