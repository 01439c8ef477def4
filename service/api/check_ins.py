"""Check-ins: what patients report. Every answer says that nobody watches, and which number to call."""

from typing import Any

from marshmallow import Schema, fields

from models import CheckIn, Episode
from models.care import Reporter
from service.api import examples
from service.api.etags import etag_of, refuse_match_of_nothing, require_match
from service.api.fields import Flag, Id, Instant, Text, Whole, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.api.unmonitored import Unmonitored, unmonitored
from service.care.check_ins import list_check_ins, put_check_in
from service.care.reach import find_row
from service.care.records import CheckInRecord
from service.db import current_session

check_ins = Resource("check-ins", "What patients report of a day.")


def _pain(where: str, **options: Any) -> Whole:
    return Whole(0, 10, f"{where}: 0 none, 10 the worst imaginable", **options)


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
    note = Text(2000, "a note", load_default=None, allow_none=True)


class CheckInView(CheckInBody):
    """A stored check-in."""

    id = Id(required=True)
    reported_by = Word(Reporter, required=True)
    received_at = Instant(required=True)
    rev = fields.Integer(required=True)


class CheckInAnswer(CheckInView, Unmonitored):
    """A stored check-in, and what to do in an emergency."""


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
    session, record = current_session(), CheckInRecord(**body)
    row, is_new = put_check_in(session, caller(), check_in_id, record, now=now(), require_match=require_match)
    if is_new:
        refuse_match_of_nothing()
    show(row.patient_id)
    session.flush()
    return _told(row), 201 if is_new else 200, {"ETag": etag_of(row)}


def _told(row: CheckIn) -> dict[str, Any]:
    stored = {name: getattr(row, name) for name in CheckInView().fields}
    return stored | unmonitored(row.patient_id)
