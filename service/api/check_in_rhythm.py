"""The clinic's rhythm of check-ins: on which days patients are asked how they are, and staff call."""

from typing import Any

from marshmallow import Schema, fields, validate

from schedules.plan.check_ins import (
    LAST_CALL_DAY,
    LAST_DAY,
    MOST_CALLS,
    MOST_PHASES,
    CheckInRhythm,
    RhythmPhase,
)
from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import Grade
from service.api import examples_practice as examples
from service.api.etags import require_tag
from service.api.fields import CivilDate, Flag, Whole, Word
from service.api.resource import Resource
from service.api.scope import caller, now, scope
from service.care.check_in_rhythm import RhythmView, set_rhythm, view_rhythm
from service.db import current_session
from service.errors import Fault, InvalidError
from service.identity.sessions import require_fresh

check_in_rhythm = Resource("check-in-rhythm", "When patients are asked to check in, and staff call. No patient's data.")


class RhythmPhaseBody(Schema):
    """So many check-ins a week from the day after the phase before, or from day 1, up to a day after surgery."""

    through_day = Whole(1, LAST_DAY, "days after surgery", required=True)
    times_a_week = Whole(1, 7, "check-ins a week", required=True)


class RhythmBody(Schema):
    """What a clinic asks after surgery; days count from the day of surgery, which is 0.

    No phases: nobody is asked. After day surgery the check-ins of day 0 up to `red_flags_through_day` ask for red
    flags; null: none does. On `call_days` staff call, which is a task; a closed day shifts to the next open one.
    """

    phases = fields.List(
        fields.Nested(RhythmPhaseBody),
        required=True,
        validate=validate.Length(max=MOST_PHASES),
        metadata={"expected": f"a list of at most {MOST_PHASES} phases"},
    )
    red_flags_through_day = Whole(0, LAST_CALL_DAY, "days after surgery", required=True, allow_none=True)
    call_days = fields.List(
        Whole(0, LAST_CALL_DAY, "days after surgery"),
        required=True,
        validate=validate.Length(max=MOST_CALLS),
        metadata={"expected": f"a list of at most {MOST_CALLS} days"},
    )


class RhythmAnswer(RhythmBody):
    """The rhythm that was set last, which holds from `from_on`; or the default, which nobody is asked by until then.

    `grade`: of the default's figures, for which no source was found. `is_planned`: all open plans follow it already.
    """

    phases = fields.List(fields.Nested(RhythmPhaseBody), attribute="rhythm.phases", required=True)
    red_flags_through_day = Whole(
        0,
        LAST_CALL_DAY,
        "days after surgery",
        attribute="rhythm.red_flags_through_day",
        required=True,
        allow_none=True,
    )
    call_days = fields.List(Whole(0, LAST_CALL_DAY, "days after surgery"), attribute="rhythm.call_days", required=True)
    is_set = Flag(required=True)
    is_planned = Flag(required=True)
    from_on = CivilDate(required=True, allow_none=True)
    grade = Word(Grade, required=True)
    default = fields.Nested(RhythmBody, required=True)


@check_in_rhythm.get("/practice/check-in-rhythm")
@check_in_rhythm.tagged(200)
@check_in_rhythm.response(200, RhythmAnswer, example=examples.RHYTHM_ANSWER)
def get_check_in_rhythm() -> Any:
    """Return when the caller's clinic asks its patients to check in, and calls them."""
    return _answer(view_rhythm(current_session(), caller()))


@check_in_rhythm.put("/practice/check-in-rhythm")
@check_in_rhythm.tagged(200, needs_match=True)
@check_in_rhythm.arguments(RhythmBody, example=examples.RHYTHM)
@check_in_rhythm.response(200, RhythmAnswer, example=examples.RHYTHM_ANSWER)
def store_check_in_rhythm(body: dict[str, Any]) -> Any:
    """Set the rhythm from tomorrow on. For the clinic's clinicians and its admin.

    The worker plans all open episodes again by it; nothing that was sent is sent again. In a session it asks for a
    fresh second factor: 403 `step_up_required`.
    """
    require_fresh(caller(), now())
    view = set_rhythm(current_session(), caller(), read_rhythm(body), now=now(), require_tag=require_tag)
    scope().about["changed"] = ["check_in_rhythm"] * view.is_changed
    return _answer(view)


def read_rhythm(body: dict[str, Any]) -> CheckInRhythm:
    """Return the rhythm that a body tells. Raises InvalidError for one that cannot be."""
    try:
        return CheckInRhythm(
            tuple(RhythmPhase(**each) for each in body["phases"]),
            body["red_flags_through_day"],
            tuple(sorted(set(body["call_days"]))),
        )
    except PlanError as error:
        raise InvalidError(Fault(f"/{error.where.replace('.', '/')}", error.expected, error.got)) from None


def _answer(view: RhythmView) -> tuple[RhythmView, int, dict[str, str]]:
    return view, 200, {"ETag": f'"{view.tag}"'}
