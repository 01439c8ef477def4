"""Check-ins: what patients report. Every answer says whether somebody is on call, and which number to call."""

from collections.abc import Iterable
from typing import Any

from marshmallow import Schema, fields, validate

from models import CheckIn, Episode
from models.care import Reporter
from schedules.plan.exercises import EXERCISE_OF_KEY
from schedules.plan.red_flag import Urgency
from schedules.plan.red_flags import FLAG_OF_KEY
from schedules.plan.vocabulary import WoundSign
from service.api import examples
from service.api.etags import etag_of, refuse_match_of_nothing, require_match
from service.api.fields import Flag, Id, Instant, Text, Whole, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.api.unmonitored import Unmonitored, unmonitored
from service.care.check_ins import list_check_ins, put_check_in, urgent_advice
from service.care.reach import find_row
from service.care.records import CheckInRecord
from service.db import current_session

check_ins = Resource("check-ins", "What patients report of a day.")

SETS = ("red_flags", "wound_signs", "exercises")  # lists of words, kept in the order of their vocabularies


def _pain(where: str, **options: Any) -> Whole:
    return Whole(0, 10, f"{where}: 0 none, 10 the worst imaginable", **options)


class _Said(fields.List[Any]):
    """Words of a list, once each and in the list's order."""

    def __init__(self, words: Iterable[str], one: str, many: str, **options: Any) -> None:
        self._words = tuple(words)
        word = fields.String(validate=validate.OneOf(self._words), metadata={"expected": one})
        told = f"{many}: {', '.join(self._words)}. Null: not asked."
        super().__init__(word, metadata={"expected": f"a list, of each {one}", "description": told}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> list[Any]:
        said = super()._deserialize(value, attr, data, **options)
        return [word for word in self._words if word in said]


class RedFlags(_Said):
    """Red flags that are said yes to, in the order in which they are asked."""

    def __init__(self, **options: Any) -> None:
        many = "Keys of the red flags that the patient says yes to"
        super().__init__(FLAG_OF_KEY, "the key of a red flag", many, **options)


class WoundSigns(_Said):
    """What is seen at the wound."""

    def __init__(self, **options: Any) -> None:
        super().__init__(WoundSign, "a sign at the wound", "What the patient sees at the wound", **options)


class Exercises(_Said):
    """What of the day's exercises was done."""

    def __init__(self, **options: Any) -> None:
        super().__init__(EXERCISE_OF_KEY, "the key of an exercise", "Keys of the exercises done on the day", **options)


def _of_ten(what: str) -> Whole:
    return Whole(0, 10, f"{what}: 0 the worst, 10 the best", load_default=None, allow_none=True)


class CheckInBody(Schema):
    """What a patient reports at one time. The phone picks the id, so that sending twice stores once."""

    episode_id = Id(required=True)
    reported_at = Instant(required=True)
    pain = _pain("the worst pain now", required=True)
    pain_back = _pain("pain in the back", load_default=None, allow_none=True)
    pain_leg = _pain("pain in the leg", load_default=None, allow_none=True)
    pain_neck = _pain("pain in the neck", load_default=None, allow_none=True)
    pain_arm = _pain("pain in the arm", load_default=None, allow_none=True)
    walking_minutes = Whole(0, 1440, "minutes of the whole day", load_default=None, allow_none=True)
    steps = Whole(0, 200_000, "steps of the whole day", load_default=None, allow_none=True)
    took_opioid = Flag("whether an opioid or sedative was taken since", load_default=None, allow_none=True)
    red_flags = RedFlags(load_default=None, allow_none=True)
    opioid_doses = Whole(0, 100, "doses of the prescribed opioid in 24 hours", load_default=None, allow_none=True)
    temperature_tenths_c = Whole(300, 450, "tenths of a degree Celsius", load_default=None, allow_none=True)
    wound_signs = WoundSigns(load_default=None, allow_none=True)
    exercises = Exercises(load_default=None, allow_none=True)
    sleep = _of_ten("sleep")
    mood = _of_ten("mood")
    confidence = _of_ten("confidence in moving about")
    note = Text(2000, "a note", load_default=None, allow_none=True)


class CheckInView(CheckInBody):
    """A stored check-in."""

    id = Id(required=True)
    reported_by = Word(Reporter, required=True)
    received_at = Instant(required=True)
    rev = fields.Integer(required=True)


class UrgentView(Schema):
    """What to do at once about a red flag, in the patient's language: show it before anything else."""

    red_flag = fields.String(required=True)
    urgency = Word(Urgency, required=True)
    what_to_do = fields.String(required=True)


class CheckInAnswer(CheckInView, Unmonitored):
    """A stored check-in, and what to do in an emergency. `urgent`: the most urgent first; staff are told of each."""

    urgent = fields.List(fields.Nested(UrgentView), required=True)


class CheckInPage(Unmonitored):
    """A page of check-ins, and what to do in an emergency."""

    items = fields.List(fields.Nested(CheckInView), required=True)
    next = fields.String(allow_none=True, required=True)


@check_ins.get("/episodes/<id:episode_id>/check-ins")
@check_ins.arguments(PageQuery, location="query")
@check_ins.response(200, CheckInPage)
def list_episode_check_ins(query: dict[str, Any], episode_id: str) -> Any:
    """List an episode's check-ins, the latest first."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    rows = list_check_ins(session, episode.practice_id, episode.id, after=after, limit=limit + 1)
    return page(rows, limit, lambda row: row.id) | unmonitored(episode.patient_id)


@check_ins.put("/check-ins/<id:check_in_id>")
@check_ins.tagged(200, 201, needs_match=True)
@check_ins.arguments(CheckInBody, example=examples.CHECK_IN)
@check_ins.response(200, CheckInAnswer)
@check_ins.alt_response(201, schema=CheckInAnswer, success=True)
def store_check_in(body: dict[str, Any], check_in_id: str) -> Any:
    """Store a check-in under your own id. Sending the same body again changes nothing."""
    lists = {name: None if body[name] is None else tuple(body[name]) for name in SETS}
    session, record = current_session(), CheckInRecord(**body | lists)
    row, is_new = put_check_in(session, caller(), check_in_id, record, now=now(), require_match=require_match)
    if is_new:
        refuse_match_of_nothing()
    show(row.patient_id)
    session.flush()
    return _told(row), 201 if is_new else 200, {"ETag": etag_of(row)}


def _told(row: CheckIn) -> dict[str, Any]:
    stored = {name: getattr(row, name) for name in CheckInView().fields}
    return stored | unmonitored(row.patient_id) | {"urgent": urgent_advice(current_session(), row)}
