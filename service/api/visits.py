"""Visits and imaging: booked, done, seen, missed. Staff note them; patients read when they are."""

from typing import Any

from marshmallow import Schema, fields

from models import Episode, Visit
from models.report import VisitKind, VisitState
from service.api import examples_visits as examples
from service.api.etags import etag_of, refuse_match_of_nothing, require_match
from service.api.fields import Id, Instant, Text, Word
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.reach import find_row
from service.care.visits import VisitRecord, list_visits, put_visit
from service.db import current_session

visits = Resource("visits", "Visits and imaging: booked, done, seen, missed.")


class VisitBody(Schema):
    """A visit. One that is done or seen achieves the milestone that it is for; `seen` is imaging's, by a clinician."""

    episode_id = Id(required=True)
    milestone_id = Id(load_default=None, allow_none=True)
    kind = Word(VisitKind, required=True)
    state = Word(VisitState, required=True)
    booked_for = Instant(required=True)
    note = Text(2000, "a note of the clinic", load_default=None, allow_none=True)


class VisitView(Schema):
    """A stored visit. `note` is null for who is not of the clinic's staff."""

    id = Id(required=True)
    episode_id = Id(required=True)
    milestone_id = Id(allow_none=True, required=True)
    kind = Word(VisitKind, required=True)
    state = Word(VisitState, required=True)
    booked_for = Instant(allow_none=True, required=True)
    note = fields.String(allow_none=True, required=True)
    rev = fields.Integer(required=True)


class VisitList(Schema):
    """An episode's visits, the latest first."""

    items = fields.List(fields.Nested(VisitView), required=True)


@visits.get("/episodes/<id:episode_id>/visits")
@visits.response(200, VisitList, example=examples.VISITS)
def get_visits(episode_id: str) -> Any:
    """List an episode's visits and imaging, the latest first."""
    session = current_session()
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    return {"items": [_told(each) for each in list_visits(session, episode.practice_id, episode.id)]}


@visits.put("/visits/<id:visit_id>")
@visits.tagged(200, 201, needs_match=True)
@visits.arguments(VisitBody, example=examples.VISIT)
@visits.response(200, VisitView, example=examples.STORED)
@visits.alt_response(201, schema=VisitView, success=True, example=examples.STORED)
def store_visit(body: dict[str, Any], visit_id: str) -> Any:
    """Book a visit under your own id, or note how it ended. Sending the same body again changes nothing."""
    session = current_session()
    row, is_new = put_visit(session, caller(), visit_id, VisitRecord(**body), now=now(), require_match=require_match)
    if is_new:
        refuse_match_of_nothing()
    show(row.patient_id)
    session.flush()
    return _told(row), 201 if is_new else 200, {"ETag": etag_of(row)}


def _told(row: Visit) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in VisitView().fields if name != "note"}
    return told | {"note": row.note if caller().is_staff else None}
