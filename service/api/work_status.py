"""Work status: prevented, with restrictions or without, from when and expected until when."""

import hashlib
from typing import Any

from marshmallow import Schema, fields

from schedules.plan.vocabulary import Binding, Grade, Procedure, RestrictionKind, WorkClass, WorkStatus
from schedules.plan.work_status import NoStatus, OpenEnd
from service.api import examples_work_status as examples
from service.api.fields import CivilDate, Id, Word
from service.api.limits import LimitsQuery, PoundsView
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.work_status import WorkStatusView, work_status_of
from service.db import current_session

work_status = Resource("work status", "Whether a patient may work on a day, with which restrictions, until when.")
_POUNDS = {"description": "Pounds."}
_MINUTES = {"description": "Minutes at a time."}
_PERCENT = {
    "description": "Of the days of the work milestones; 100 changes nothing. The clinic's own figure: no published one "
    "exists."
}
_BASIS = (
    "Expected ends assume that a clinician clears each limit on its first eligible day. No day lifts a limit by itself."
)


class HandlingView(Schema):
    """Pounds by how much of the working day they are handled, lowered to the lifting limit; null: negligible."""

    occasional = fields.Nested(PoundsView, required=True)
    frequent = fields.Nested(PoundsView, allow_none=True, required=True)
    constant = fields.Nested(PoundsView, allow_none=True, required=True)


class WorkRestrictionView(Schema):
    """A restriction at work, with pounds or minutes at a time where it is either."""

    kind = Word(RestrictionKind, required=True)
    limit_lb = fields.Integer(allow_none=True, required=True, metadata=_POUNDS)
    limit_minutes = fields.Integer(allow_none=True, required=True, metadata=_MINUTES)


class RestrictionInForce(WorkRestrictionView):
    """A restriction that holds on the day, and its last day as expected. Without one, `open_end` says why."""

    expected_end_on = CivilDate(allow_none=True, required=True)
    open_end = Word(OpenEnd, allow_none=True, required=True)


class PeriodView(Schema):
    """Days on equal terms, from `effective_on` through `expected_end_on`. Without an end, `open_end` says why."""

    effective_on = CivilDate(required=True)
    expected_end_on = CivilDate(attribute="expected_end.on", allow_none=True, required=True)
    open_end = Word(OpenEnd, attribute="expected_end.why", allow_none=True, required=True)
    status = Word(WorkStatus, attribute="terms.status", required=True)
    work_class = Word(WorkClass, attribute="terms.work_class", allow_none=True, required=True)
    restrictions = fields.List(fields.Nested(WorkRestrictionView), attribute="terms.restrictions", required=True)
    handling = fields.Nested(HandlingView, attribute="terms.handling", allow_none=True, required=True)


class ClassOutlookView(Schema):
    """A class of work: whether it is cleared on the day, the range of the expected return, and what that rests on.

    `eligible_on` is the first day on which a clinician may clear it, `binds` what fixes that day. null: never by date.
    """

    work_class = Word(WorkClass, attribute="on_day.work_class", required=True)
    cleared = fields.Boolean(required=True)
    cleared_on = CivilDate(attribute="on_day.limit.cleared_on", allow_none=True, required=True)
    range_from_on = CivilDate(allow_none=True, required=True)
    range_until_on = CivilDate(allow_none=True, required=True)
    target_on = CivilDate(attribute="option.target_on", allow_none=True)
    eligible_on = CivilDate(attribute="option.eligible_on", allow_none=True)
    not_before_on = CivilDate(attribute="option.not_before_on", allow_none=True)
    binds = Word(Binding, attribute="option.binds", allow_none=True)
    binding_procedure = Word(Procedure, attribute="option.binding_procedure", allow_none=True)
    binding_stage = fields.Integer(attribute="option.binding_stage", allow_none=True)
    grade = Word(Grade, attribute="option.grade", allow_none=True)
    sources = fields.List(fields.String(), attribute="option.sources")
    occasional = fields.Nested(PoundsView, attribute="on_day.occasional", required=True)
    frequent = fields.Nested(PoundsView, attribute="on_day.frequent", allow_none=True, required=True)
    constant = fields.Nested(PoundsView, attribute="on_day.constant", allow_none=True, required=True)


class WorkersCompView(Schema):
    """Workers' compensation: `percent` lengthens the work milestones."""

    applies = fields.Boolean(required=True)
    percent = fields.Integer(required=True, metadata=_PERCENT)


class WorkStatusOnDay(Schema):
    """The work status on one day of the clinic's calendar.

    With `no_status` set there is none: the patient does not work (not_working), surgery lies ahead or has no date
    (before_surgery, no_date), or the care has ended (ended). `work_class` is the heaviest class that is permitted.
    Ends are last days; without a date `open_end` says why: the surgeon decides, the day has come and a clearance is
    outstanding (waits_for_clearance), the patient's class is not known, or there is nothing left to end (no_end).
    """

    episode_id = Id(required=True)
    on = CivilDate(required=True)
    no_status = Word(NoStatus, allow_none=True, required=True)
    own_class = Word(WorkClass, allow_none=True, required=True)
    status = Word(WorkStatus, allow_none=True, required=True)
    effective_on = CivilDate(allow_none=True, required=True)
    expected_end_on = CivilDate(allow_none=True, required=True)
    open_end = Word(OpenEnd, allow_none=True, required=True)
    work_class = Word(WorkClass, allow_none=True, required=True)
    handling = fields.Nested(HandlingView, allow_none=True, required=True)
    restrictions = fields.List(fields.Nested(RestrictionInForce), required=True)
    periods = fields.List(fields.Nested(PeriodView), required=True)
    classes = fields.List(fields.Nested(ClassOutlookView), required=True)
    workers_comp = fields.Nested(WorkersCompView, required=True)
    basis = fields.String(required=True, metadata={"description": "What expected ends rest on."})


@work_status.get("/episodes/<id:episode_id>/work-status")
@work_status.tagged(200)
@work_status.arguments(LimitsQuery, location="query")
@work_status.response(200, WorkStatusOnDay, example=examples.WORK_STATUS)
def get_work_status(query: dict[str, Any], episode_id: str) -> Any:
    """Return the work status on a day, by default today, with its dates, restrictions, ranges and periods ahead."""
    view = work_status_of(current_session(), caller(), episode_id, on=query.get("on"), now=now())
    show(view.patient_id)
    return _answer(view), 200, {"ETag": f'"{hashlib.sha256(repr(view).encode()).hexdigest()[:32]}"'}


def _answer(view: WorkStatusView) -> dict[str, Any]:
    report, terms, end = view.report, view.report.terms, view.report.expected_end
    return {
        "episode_id": view.episode_id,
        "on": report.on,
        "no_status": report.no_status,
        "own_class": view.own_class,
        "status": terms.status if terms else None,
        "effective_on": report.effective_on,
        "expected_end_on": end.on if end else None,
        "open_end": end.why if end else None,
        "work_class": terms.work_class if terms else None,
        "handling": terms.handling if terms else None,
        "restrictions": _in_force(view),
        "periods": report.periods,
        "classes": view.classes,
        "workers_comp": {"applies": view.workers_comp, "percent": view.percent},
        "basis": _BASIS,
    }


def _in_force(view: WorkStatusView) -> list[dict[str, Any]]:
    restrictions = view.report.terms.restrictions if view.report.terms else ()
    return [
        {
            "kind": each.kind,
            "limit_lb": each.limit_lb,
            "limit_minutes": each.limit_minutes,
            "expected_end_on": end.on,
            "open_end": end.why,
        }
        for each, end in zip(restrictions, view.report.restriction_ends, strict=True)
    ]
