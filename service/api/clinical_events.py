"""Clinical events: complications, emergency visits, readmissions, reoperations, as the clinic's staff enter them."""

from typing import Any

from marshmallow import Schema

from models import ClinicalEvent, Episode
from models.report import ClinicalEventKind
from service.api import examples_outcomes as examples
from service.api.fields import CivilDate, Id, Instant, Text, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, now, show
from service.care.clinical_events import EventRecord, list_events, put_event, withdraw_event
from service.care.reach import find_row
from service.db import current_session

LONGEST_DETAIL = 2000
clinical_events = Resource("clinical events", "What went otherwise than planned after a surgery. Outcomes count it.")


class ClinicalEventBody(Schema):
    """One event, on a day of the clinic's calendar. `detail` is for the record; nothing counts it."""

    episode_id = Id(required=True)
    surgery_id = Id(load_default=None, allow_none=True)
    kind = Word(ClinicalEventKind, required=True)
    occurred_on = CivilDate(required=True)
    detail = Text(LONGEST_DETAIL, "what happened", load_default=None, allow_none=True)


class ClinicalEventView(ClinicalEventBody):
    """A stored event."""

    id = Id(required=True)
    recorded_at = Instant(required=True)


ClinicalEventPage = listing(ClinicalEventView, "ClinicalEventPage")


@clinical_events.get("/episodes/<id:episode_id>/clinical-events")
@clinical_events.arguments(PageQuery, location="query")
@clinical_events.response(200, ClinicalEventPage, example=examples.EVENTS)
def list_episode_events(query: dict[str, Any], episode_id: str) -> Any:
    """List an episode's events, the latest first."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    rows = list_events(session, episode.practice_id, episode.id, after=after, limit=limit + 1)
    return page(rows, limit, lambda row: row.id)


@clinical_events.put("/clinical-events/<id:event_id>")
@clinical_events.arguments(ClinicalEventBody, example=examples.EVENT)
@clinical_events.response(200, ClinicalEventView, example=examples.EVENT_ANSWER)
@clinical_events.alt_response(201, schema=ClinicalEventView, success=True)
def store_event(body: dict[str, Any], event_id: str) -> Any:
    """Store an event under your own id. It never changes; sending the same body again changes nothing."""
    row, is_new = put_event(current_session(), caller(), event_id, EventRecord(**body), now=now())
    return _answer(row, 201 if is_new else 200)


@clinical_events.post("/clinical-events/<id:event_id>/withdraw")
@clinical_events.response(200, ClinicalEventView, example=examples.EVENT_ANSWER)
def withdraw_one_event(event_id: str) -> Any:
    """Take back an event that was entered wrongly. It is listed and counted no more."""
    return _answer(withdraw_event(current_session(), caller(), event_id), 200)


def _answer(row: ClinicalEvent, status: int) -> tuple[ClinicalEvent, int]:
    show(row.patient_id)
    current_session().flush()
    return row, status
