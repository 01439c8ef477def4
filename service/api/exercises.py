"""What a patient ticks off day by day, and how it was kept to."""

from typing import Any

from marshmallow import Schema, fields

from models import Episode
from schedules.plan.exercises import ExercisePhase
from schedules.plan.vocabulary import Grade
from service.api import examples_progress as examples
from service.api.fields import CivilDate, Id, Word
from service.api.plans import BilingualText
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.enrol import clinic_today
from service.care.exercises import view_exercises
from service.care.reach import find_row, practice_of
from service.db import current_session

exercises = Resource("exercises", "What patients tick off in their check-ins, by phase of rehabilitation.")


class ExerciseItem(Schema):
    """One thing to do, in the patient's words. `days_done`: on so many of the days told it was ticked."""

    key = fields.String(attribute="exercise.key", required=True)
    phase = Word(ExercisePhase, attribute="exercise.phase", required=True)
    text = fields.Nested(BilingualText, attribute="exercise.text", required=True)
    grade = Word(Grade, attribute="exercise.grade", required=True)
    sources = fields.List(fields.String(), attribute="exercise.sources", required=True)
    days_done = fields.Integer(required=True)


class ExercisesToday(Schema):
    """What is asked about today. `days_told`: on so many of the seven days up to it a check-in spoke of exercises."""

    episode_id = Id(attribute="episode.id", required=True)
    as_of = CivilDate(required=True)
    days_told = fields.Integer(required=True)
    items = fields.List(fields.Nested(ExerciseItem), required=True)


@exercises.get("/episodes/<id:episode_id>/exercises")
@exercises.response(200, ExercisesToday, example=examples.EXERCISES)
def get_exercises(episode_id: str) -> Any:
    """Return what is to be ticked off today, by the limits that hold; a check-in's `exercises` ticks it."""
    session, who = current_session(), caller()
    episode = find_row(session, who, Episode, episode_id)
    show(episode.patient_id)
    practice = practice_of(session, who)
    return view_exercises(session, practice, episode, clinic_today(practice, now()), now())
