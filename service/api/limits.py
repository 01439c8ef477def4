"""Limits: what a patient may do on one day, in an episode and over all open ones."""

import hashlib
from typing import Any

from marshmallow import Schema, fields

from schedules.plan.vocabulary import Grade, LimitState, Procedure, WorkClass
from service.api import examples_clearances as examples
from service.api.fields import CivilDate, Id, Word
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.limits import EpisodeLimits, PatientLimits, episode_limits, patient_limits
from service.db import current_session

limits = Resource("limits", "What a patient may do on a day of the clinic's calendar: the strictest limit holds.")
_POUNDS = {"description": "Pounds; null: no bound, or the limit is no weight."}


class LimitsQuery(Schema):
    """On which day."""

    on = CivilDate("a day of the clinic's calendar such as 2026-03-02, by default today")


class LimitText(Schema):
    """One text in every language."""

    en = fields.String(required=True)
    es = fields.String(required=True)


class LimitView(Schema):
    """How one thing is limited on the day, which procedure binds, and where the figure comes from.

    restricted: it holds. eligible: day and conditions allow a clinician to lift it, and until then it holds. cleared:
    a clinician, or a rule that the clinic has signed, lifted it. none: the plan has no such limit on the day.
    """

    state = Word(LimitState, required=True)
    limit_lb = fields.Integer(allow_none=True, metadata=_POUNDS)
    limit_minutes = fields.Integer(allow_none=True, metadata={"description": "Minutes at a time."})
    since_on = CivilDate(allow_none=True)
    until_on = CivilDate("the last day; null: until cleared", allow_none=True)
    eligible_on = CivilDate("the first day on which it may be cleared", allow_none=True)
    lifted_by = fields.String(allow_none=True)
    lifted_by_stage = fields.Integer(attribute="lifted_by_occurrence", allow_none=True)
    condition = fields.String(allow_none=True)
    cleared_on = CivilDate(allow_none=True)
    raised_by = Word(WorkClass, allow_none=True)
    binding_procedure = Word(Procedure, allow_none=True)
    binding_stage = fields.Integer(allow_none=True)
    grade = Word(Grade, allow_none=True)
    sources = fields.List(fields.String())
    text = fields.Nested(LimitText, allow_none=True)


class PoundsView(Schema):
    """More than `over_lb`, up to `to_lb`."""

    over_lb = fields.Integer(allow_none=True, metadata=_POUNDS)
    to_lb = fields.Integer(allow_none=True, metadata=_POUNDS)


class ClassView(Schema):
    """One class of work, and its pounds by how much of the day they are handled; null: negligible."""

    work_class = Word(WorkClass, required=True)
    limit = fields.Nested(LimitView, required=True)
    occasional = fields.Nested(PoundsView, required=True)
    frequent = fields.Nested(PoundsView, allow_none=True, required=True)
    constant = fields.Nested(PoundsView, allow_none=True, required=True)


class WorkView(Schema):
    """Work. `permitted_class` is the heaviest class that is allowed on the day; null: none is."""

    own_class = Word(WorkClass, allow_none=True, required=True)
    permitted_class = Word(WorkClass, allow_none=True, required=True)
    limit = fields.Nested(LimitView, required=True)
    classes = fields.List(fields.Nested(ClassView), required=True)


class SportView(Schema):
    """Sport by level."""

    low_impact = fields.Nested(LimitView, required=True)
    non_contact = fields.Nested(LimitView, required=True)
    contact = fields.Nested(LimitView, required=True)


class DayLimitsView(Schema):
    """Everything that is limited on the day."""

    lifting = fields.Nested(LimitView, required=True)
    bending_twisting = fields.Nested(LimitView, required=True)
    driving = fields.Nested(LimitView, required=True)
    sitting = fields.Nested(LimitView, required=True)
    brace = fields.Nested(LimitView, required=True)
    sport = fields.Nested(SportView, required=True)
    work = fields.Nested(WorkView, required=True)


class EpisodeLimitsView(Schema):
    """What one episode limits on the day."""

    patient_id = Id(required=True)
    episode_id = Id(required=True)
    on = CivilDate(required=True)
    limits = fields.Nested(DayLimitsView, required=True)


class PatientLimitsView(Schema):
    """What the patient's open episodes limit: the strictest, and each. null: no episode is open."""

    patient_id = Id(required=True)
    on = CivilDate(required=True)
    limits = fields.Nested(DayLimitsView, allow_none=True, required=True)
    episodes = fields.List(fields.Nested(EpisodeLimitsView), required=True)


@limits.get("/episodes/<id:episode_id>/limits")
@limits.tagged(200)
@limits.arguments(LimitsQuery, location="query")
@limits.response(200, EpisodeLimitsView, example=examples.EPISODE_LIMITS)
def get_episode_limits(query: dict[str, Any], episode_id: str) -> Any:
    """Return what an episode limits on a day, by what is known now."""
    return _answer(episode_limits(current_session(), caller(), episode_id, on=query.get("on"), now=now()))


@limits.get("/patients/<id:patient_id>/limits")
@limits.tagged(200)
@limits.arguments(LimitsQuery, location="query")
@limits.response(200, PatientLimitsView, example=examples.PATIENT_LIMITS)
def get_patient_limits(query: dict[str, Any], patient_id: str) -> Any:
    """Return the strictest limits over all open episodes of a patient on a day, by what is known now."""
    return _answer(patient_limits(current_session(), caller(), patient_id, on=query.get("on"), now=now()))


def _answer(view: EpisodeLimits | PatientLimits) -> tuple[object, int, dict[str, str]]:
    show(view.patient_id)
    # States follow from day and hour as well as from rows, so the answer itself is what the tag stands for.
    return view, 200, {"ETag": f'"{hashlib.sha256(repr(view).encode()).hexdigest()[:32]}"'}
