"""Observations: clinical facts that a clearance waits for, such as when the last opioid was taken."""

from typing import Any

from marshmallow import Schema, fields

from models import Episode, ObservedFact
from models.care import Reporter
from schedules.plan.vocabulary import Observation
from service.api import examples_clearances as examples
from service.api.etags import etag_of, refuse_match_of_nothing, require_match
from service.api.fields import Id, Instant, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, now, show
from service.care.observations import ObservationRecord, list_observations, put_observation
from service.care.reach import find_row
from service.db import current_session

observations = Resource("observations", "Clinical facts that a clearance waits for. Of one subject the newest counts.")


class ObservationBody(Schema):
    """One fact. A patient tells of opioids and sedatives; how an X-ray looks is a clinician's word."""

    episode_id = Id(required=True)
    surgery_id = Id(load_default=None, allow_none=True)
    what = Word(Observation, required=True)
    observed_at = Instant(required=True)


class ObservationView(ObservationBody):
    """A stored fact, and who told it. `recorded_by` is the member of staff, null for a patient."""

    id = Id(required=True)
    recorded_at = Instant(required=True)
    reported_by = Word(Reporter, required=True)
    recorded_by = Id(allow_none=True, required=True)
    rev = fields.Integer(required=True)


ObservationPage = listing(ObservationView, "ObservationPage")


@observations.get("/episodes/<id:episode_id>/observations")
@observations.arguments(PageQuery, location="query")
@observations.response(200, ObservationPage, example=examples.OBSERVATION_PAGE)
def list_episode_observations(query: dict[str, Any], episode_id: str) -> Any:
    """List an episode's clinical facts, the latest first."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    rows = list_observations(session, episode.practice_id, episode.id, after=after, limit=limit + 1)
    return page(rows, limit, lambda row: row.id)


@observations.put("/observations/<id:observation_id>")
@observations.tagged(200, 201, needs_match=True)
@observations.arguments(ObservationBody, example=examples.OBSERVATION)
@observations.response(200, ObservationView, example=examples.OBSERVATION_ANSWER)
@observations.alt_response(201, schema=ObservationView, success=True)
def store_observation(body: dict[str, Any], observation_id: str) -> Any:
    """Store a clinical fact under your own id. Sending the same body again changes nothing."""
    session, record = current_session(), ObservationRecord(**body)
    row, is_new = put_observation(session, caller(), observation_id, record, now=now(), require_match=require_match)
    if is_new:
        refuse_match_of_nothing()
    return _answer(row, 201 if is_new else 200)


def _answer(row: ObservedFact, status: int) -> tuple[ObservedFact, int, dict[str, str]]:
    show(row.patient_id)
    current_session().flush()
    return row, status, {"ETag": etag_of(row)}
