"""Scores of an episode's questionnaires over time, computed on reading, and what changed since before surgery."""

from typing import Any

from marshmallow import Schema, fields

from models import Episode
from schedules.plan.scores import Measure, NotScored
from schedules.plan.vocabulary import Grade, Instrument
from service.api import examples_scores as examples
from service.api.fields import CivilDate, Id, Instant, Word
from service.api.plans import PlanQuery
from service.api.protocols import SourceView
from service.api.questionnaires import told_change
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.enrol import clinic_today
from service.care.reach import find_row, practice_of
from service.care.scores import Change, ScorePoint, Trajectory, view_scores
from service.db import current_session

scores = Resource("scores", "Scores of questionnaires over time. Computed here from raw answers, never taken.")


class ReachedView(Schema):
    """A published important change, and whether the improvement since the baseline is at least that."""

    amount = fields.Float(required=True)
    is_percent = fields.Boolean(required=True)
    grade = Word(Grade, required=True)
    sources = fields.List(fields.Nested(SourceView), required=True)
    is_reached = fields.Boolean(required=True)


class ScorePointView(Schema):
    """One score. `improved_by` is null without a baseline before it, negative if the score is worse.

    `improved_percent` is the share of the baseline, null on a scale where a share means nothing.
    """

    answer_id = Id(attribute="answer.id", required=True)
    milestone_id = Id(attribute="answer.milestone_id", allow_none=True, required=True)
    answered_at = Instant(attribute="answer.answered_at", required=True)
    on = CivilDate(required=True)
    pod = fields.Integer(allow_none=True, required=True)
    value = fields.Float(allow_none=True, required=True)
    not_scored = Word(NotScored, allow_none=True, required=True)
    improved_by = fields.Float(allow_none=True, required=True)
    improved_percent = fields.Integer(allow_none=True, required=True)
    important_changes = fields.List(fields.Nested(ReachedView), required=True)


class TrajectoryView(Schema):
    """The scores of one measure, the earliest first. `baseline_id` is the answer before surgery, null without one."""

    measure = Word(Measure, required=True)
    lowest = fields.Float(attribute="scale.lowest", required=True)
    highest = fields.Float(attribute="scale.highest", required=True)
    unit = fields.String(attribute="scale.unit", required=True)
    is_higher_better = fields.Boolean(attribute="scale.is_higher_better", required=True)
    baseline_id = Id(allow_none=True, required=True)
    points = fields.List(fields.Nested(ScorePointView), required=True)


class DueView(Schema):
    """A questionnaire whose window is open. `unanswered` are those that the procedure asks and nobody answered yet."""

    milestone_id = Id(attribute="milestone.id", required=True)
    key = fields.String(attribute="milestone.key", required=True)
    stage = fields.Integer(attribute="milestone.occurrence", required=True)
    opens_on = CivilDate(attribute="milestone.earliest_on", allow_none=True, required=True)
    due_on = CivilDate(attribute="milestone.target_on", allow_none=True, required=True)
    closes_on = CivilDate(attribute="milestone.latest_on", allow_none=True, required=True)
    answered = fields.List(Word(Instrument), required=True)
    unanswered = fields.List(Word(Instrument), required=True)


class EpisodeScores(Schema):
    """All scores of an episode up to a day of the clinic's calendar, and the questionnaires that are due on it."""

    episode_id = Id(attribute="episode.id", required=True)
    as_of = CivilDate(required=True)
    first_surgery_on = CivilDate(allow_none=True, required=True)
    measures = fields.List(fields.Nested(TrajectoryView), required=True)
    due = fields.List(fields.Nested(DueView), required=True)


@scores.get("/episodes/<id:episode_id>/scores")
@scores.arguments(PlanQuery, location="query")
@scores.response(200, EpisodeScores, example=examples.SCORES)
def get_scores(query: dict[str, Any], episode_id: str) -> Any:
    """Return the scores of an episode over time, each compared with the last one before surgery."""
    session, who = current_session(), caller()
    episode = find_row(session, who, Episode, episode_id)
    show(episode.patient_id)
    practice = practice_of(session, who)
    view = view_scores(session, practice, episode, query.get("as_of") or clinic_today(practice, now()))
    return {
        "episode": view.episode,
        "as_of": view.as_of,
        "first_surgery_on": view.first_surgery_on,
        "measures": [_told(each) for each in view.trajectories],
        "due": view.due,
    }


def _told(trajectory: Trajectory) -> dict[str, Any]:
    baseline = trajectory.baseline
    return {
        "measure": trajectory.measure,
        "scale": trajectory.scale,
        "baseline_id": None if baseline is None else baseline.answer.id,
        "points": [_told_point(each) for each in trajectory.points],
    }


def _told_point(point: ScorePoint) -> dict[str, Any]:
    told = {name: getattr(point, name) for name in ("answer", "on", "pod", "value", "not_scored")}
    told |= {"improved_by": point.improved_by, "improved_percent": point.improved_percent}
    return told | {"important_changes": [_told_change(each) for each in point.changes]}


def _told_change(change: Change) -> dict[str, Any]:
    return told_change(change.figure) | {"is_reached": change.is_reached}
