"""Episodes: courses of care that hold one or more surgeries."""

from typing import Any

from marshmallow import Schema, fields
from sqlalchemy import select

from models import Episode
from schedules.plan.vocabulary import EpisodeStatus
from service.api import examples
from service.api.etags import etag_of, refuse_match_of_nothing, require_match
from service.api.fields import Flag, Id, Instant, Text, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing, patch_of
from service.api.scope import caller, now, show
from service.care.enrol import fields_of
from service.care.episodes import change_episode, put_episode
from service.care.reach import find_patient, find_row, lock_row
from service.care.records import EpisodeRecord
from service.db import current_session

episodes = Resource("episodes", "Courses of care.")


class EpisodeBody(Schema):
    """An episode's facts. `label` is the clinic's own word for it."""

    patient_id = Id(required=True)
    label = Text(64, "the clinic's own word for it", required=True)
    status = Word(EpisodeStatus, load_default=EpisodeStatus.active)
    coordinator_id = Id(load_default=None, allow_none=True)
    workers_comp = Flag(load_default=False)


EpisodePatch = patch_of(EpisodeBody, "EpisodePatch")


class EpisodeView(EpisodeBody):
    """A stored episode. What was past at `enrolled_at` follows each milestone's own policy."""

    id = Id(required=True)
    enrolled_at = Instant(required=True)
    rev = fields.Integer(required=True)


EpisodePage = listing(EpisodeView, "EpisodePage")


@episodes.get("/patients/<id:patient_id>/episodes")
@episodes.arguments(PageQuery, location="query")
@episodes.response(200, EpisodePage)
def list_episodes(query: dict[str, Any], patient_id: str) -> Any:
    """List a patient's episodes."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    patient = find_patient(session, caller(), patient_id)
    show(patient.id)
    rows = select(Episode).filter_by(practice_id=patient.practice_id, patient_id=patient.id, deleted=False)
    rows = rows.where(Episode.id > (after or "")).order_by(Episode.id).limit(limit + 1)
    return page(session.scalars(rows).all(), limit, lambda row: row.id)


@episodes.get("/episodes/<id:episode_id>")
@episodes.tagged(200)
@episodes.response(200, EpisodeView)
def get_episode(episode_id: str) -> Any:
    """Return one episode."""
    return _answer(find_row(current_session(), caller(), Episode, episode_id))


@episodes.put("/episodes/<id:episode_id>")
@episodes.tagged(200, 201, needs_match=True)
@episodes.arguments(EpisodeBody, example=examples.EPISODE)
@episodes.response(200, EpisodeView)
@episodes.alt_response(201, schema=EpisodeView, success=True)
def store_episode(body: dict[str, Any], episode_id: str) -> Any:
    """Store an episode under your own id. Sending the same body again changes nothing."""
    session, record = current_session(), EpisodeRecord(**body)
    episode, is_new = put_episode(session, caller(), episode_id, record, now=now(), require_match=require_match)
    if is_new:
        refuse_match_of_nothing()
    return _answer(episode, 201 if is_new else 200)


@episodes.patch("/episodes/<id:episode_id>")
@episodes.tagged(200, needs_match=True)
@episodes.arguments(EpisodePatch, example=examples.EPISODE_CHANGE)
@episodes.response(200, EpisodeView)
def amend_episode(body: dict[str, Any], episode_id: str) -> Any:
    """Change some of an episode's facts. A status that ends the care withdraws what was not sent."""
    session = current_session()
    episode = lock_row(session, caller(), Episode, episode_id)
    require_match(episode)
    record = EpisodeRecord(**fields_of(episode, EpisodeRecord) | body)
    change_episode(session, episode, record, now=now(), require_match=require_match)
    return _answer(episode)


def _answer(episode: Episode, status: int = 200) -> tuple[Episode, int, dict[str, str]]:
    show(episode.patient_id)
    current_session().flush()
    return episode, status, {"ETag": etag_of(episode)}
