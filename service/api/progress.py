"""How an episode's course stands on a day: adherence, what is behind, what waits for the clinic, what is next."""

from typing import Any

from marshmallow import Schema, fields

from models import Episode
from schedules.plan.course import BehindRule, WaitingReason
from schedules.plan.vocabulary import RestrictionKind
from service.api import examples_progress as examples
from service.api.fields import CivilDate, Id, Word
from service.api.plans import BilingualText, PlanQuery
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.enrol import clinic_today
from service.care.progress_view import view_progress
from service.care.reach import find_row, practice_of
from service.db import current_session

progress = Resource("progress", "How a course of recovery stands: done, behind, waiting for the clinic, next.")


class StageDay(Schema):
    """One surgery of the course. `pod` is the postoperative day, negative before surgery."""

    stage = fields.Integer(required=True)
    surgery_on = CivilDate(allow_none=True, required=True)
    pod = fields.Integer(allow_none=True, required=True)


class AdherenceView(Schema):
    """The patient's own items whose last day has passed. The percentages are null while none counts, never 0 then."""

    counted = fields.Integer(required=True)
    done_in_time = fields.Integer(required=True)
    done_late = fields.Integer(required=True)
    not_done = fields.Integer(required=True)
    done_percent = fields.Integer(allow_none=True, required=True)
    in_time_percent = fields.Integer(allow_none=True, required=True)


class ItemOfCourse(Schema):
    """A milestone. `patient_text` is its state in words that a patient may read."""

    milestone_id = Id(attribute="row.id", required=True)
    key = fields.String(attribute="row.key", required=True)
    kind = fields.String(attribute="row.kind", required=True)
    stage = fields.Integer(attribute="row.occurrence", required=True)
    patient_text = fields.Nested(BilingualText, required=True)


class BehindView(ItemOfCourse):
    """An own item of the patient that is not done. `since_on` is the day after `closed_on`, its last day in time.

    after_latest_day: its latest day has passed. after_eligible_day: so has the later day until which a condition
    held it.
    """

    closed_on = CivilDate(attribute="behind.closed_on", required=True)
    since_on = CivilDate(attribute="behind.since_on", required=True)
    days = fields.Integer(attribute="behind.days", required=True)
    rule = Word(BehindRule, attribute="behind.rule", required=True)


class WaitingView(ItemOfCourse):
    """An item that waits for the clinic, which is never the patient's lateness.

    to_clear: a clinician may clear it. to_fill: what depends on the person is not entered for the present day of
    surgery. to_sign: it is entered and not signed.
    """

    reason = Word(WaitingReason, attribute="waiting.reason", required=True)
    since_on = CivilDate(attribute="waiting.since_on", allow_none=True, required=True)
    lifts = Word(RestrictionKind, attribute="row.lifts", allow_none=True, required=True)


class NextView(ItemOfCourse):
    """An item that falls due next. Where `lifts` is set that day allows nothing: a clinician clears it."""

    due_on = CivilDate(attribute="row.eligible_on", required=True)
    lifts = Word(RestrictionKind, attribute="row.lifts", allow_none=True, required=True)


class ProgressOnDay(Schema):
    """The course on one day of the clinic's calendar. Once an episode has ended (`goes_on` false) nothing is asked."""

    episode_id = Id(attribute="episode.id", required=True)
    as_of = CivilDate(required=True)
    goes_on = fields.Boolean(required=True)
    stages = fields.List(fields.Nested(StageDay), required=True)
    adherence = fields.Nested(AdherenceView, required=True)
    behind = fields.List(fields.Nested(BehindView), required=True)
    waiting_for_clinic = fields.List(fields.Nested(WaitingView), required=True)
    next = fields.List(fields.Nested(NextView), required=True)


@progress.get("/episodes/<id:episode_id>/progress")
@progress.tagged(200)
@progress.arguments(PlanQuery, location="query")
@progress.response(200, ProgressOnDay, example=examples.PROGRESS)
def get_progress(query: dict[str, Any], episode_id: str) -> Any:
    """Return how the course stands on a day: adherence, behind with its reason, waiting for the clinic, next three."""
    session, who = current_session(), caller()
    episode = find_row(session, who, Episode, episode_id)
    show(episode.patient_id)
    practice = practice_of(session, who)
    view = view_progress(session, practice, episode, query.get("as_of") or clinic_today(practice, now()))
    return view, 200, {"ETag": f'"{view.revision}-{view.as_of}"'}
