"""Surgeries: one procedure on one date, which the episode's plan follows from."""

from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import select

from models import Episode, Surgery
from schedules.plan.vocabulary import Approach, ApproachClass, Procedure, Setting, SurgeryStatus
from service.api import examples
from service.api.etags import etag_of, refuse_match_of_nothing, require_match
from service.api.fields import CivilDate, Flag, Id, Text, WallTime, Whole, WholeText, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing, patch_of
from service.api.scope import caller, now, show
from service.care.enrol import fields_of
from service.care.reach import find_row, lock_row
from service.care.records import SurgeryRecord
from service.care.surgeries import change_surgery, put_surgery
from service.db import current_session

surgeries = Resource("surgeries", "Surgeries and the protocol version that each pins.")
# A new procedure or approach asks again which class it has, unless the surgeon says so in the same change.
_DECIDE_CLASS = frozenset({"procedure", "approach"})


class SpineLevel(fields.String):
    """A level or vertebra of the spine."""

    def __init__(self) -> None:
        told = {"description": "A level such as L4-L5, or a vertebra such as L1.", "expected": "a level such as L4-L5"}
        super().__init__(validate=WholeText("^[CTLS][0-9]{1,2}(-[CTLS][0-9]{1,2})?$"), metadata=told)


class SurgeryBody(Schema):
    """A surgery's facts. Without `approach_class` the approach decides it; a surgeon may override it."""

    episode_id = Id(required=True)
    stage = Whole(1, 20, "1 is the first of the episode", load_default=1)
    procedure = Word(Procedure, required=True)
    approach = Word(Approach, required=True)
    approach_class = Word(ApproachClass, load_default=None, allow_none=True)
    levels = fields.List(SpineLevel(), required=True, validate=validate.Length(min=1, max=20))
    surgery_on = CivilDate("day 0 such as 2026-03-02, null while it is not known", load_default=None, allow_none=True)
    status = Word(SurgeryStatus, load_default=SurgeryStatus.planned)
    setting = Word(Setting, load_default=None, allow_none=True)
    surgeon_id = Id(load_default=None, allow_none=True)
    site = Text(200, "hospital or surgery centre", load_default=None, allow_none=True)
    indication = Text(2000, "why it is done", load_default=None, allow_none=True)
    arrival_at = WallTime("the hospital's arrival time such as 06:30", load_default=None, allow_none=True)
    discharged_on = CivilDate(load_default=None, allow_none=True)
    blood_loss_ml = Whole(0, 20_000, "millilitres", load_default=None, allow_none=True)
    brace_ordered = Flag(load_default=False)


SurgeryPatch = patch_of(SurgeryBody, "SurgeryPatch")


class SurgeryView(SurgeryBody):
    """A stored surgery."""

    id = Id(required=True)
    patient_id = Id(required=True)
    protocol_id = fields.String(required=True)
    protocol_version = fields.Integer(required=True)
    rev = fields.Integer(required=True)


SurgeryPage = listing(SurgeryView, "SurgeryPage")


@surgeries.get("/episodes/<id:episode_id>/surgeries")
@surgeries.arguments(PageQuery, location="query")
@surgeries.response(200, SurgeryPage)
def list_surgeries(query: dict[str, Any], episode_id: str) -> Any:
    """List an episode's surgeries."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    rows = select(Surgery).filter_by(practice_id=episode.practice_id, episode_id=episode.id, deleted=False)
    rows = rows.where(Surgery.id > (after or "")).order_by(Surgery.id).limit(limit + 1)
    return page(session.scalars(rows).all(), limit, lambda row: row.id)


@surgeries.get("/surgeries/<id:surgery_id>")
@surgeries.tagged(200)
@surgeries.response(200, SurgeryView)
def get_surgery(surgery_id: str) -> Any:
    """Return one surgery."""
    return _answer(find_row(current_session(), caller(), Surgery, surgery_id))


@surgeries.put("/surgeries/<id:surgery_id>")
@surgeries.tagged(200, 201, needs_match=True)
@surgeries.arguments(SurgeryBody, example=examples.SURGERY)
@surgeries.response(200, SurgeryView)
@surgeries.alt_response(201, schema=SurgeryView, success=True)
def store_surgery(body: dict[str, Any], surgery_id: str) -> Any:
    """Store a surgery under your own id, and plan its episode. Sending the same body again changes nothing."""
    session, record = current_session(), SurgeryRecord(**body | {"levels": tuple(body["levels"])})
    surgery, is_new = put_surgery(session, caller(), surgery_id, record, now=now(), require_match=require_match)
    if is_new:
        refuse_match_of_nothing()
    return _answer(surgery, 201 if is_new else 200)


@surgeries.patch("/surgeries/<id:surgery_id>")
@surgeries.tagged(200, needs_match=True)
@surgeries.arguments(SurgeryPatch, example=examples.SURGERY_CHANGE)
@surgeries.response(200, SurgeryView)
def amend_surgery(body: dict[str, Any], surgery_id: str) -> Any:
    """Change some of a surgery's facts, or say whether it happened.

    Once it has a date, its date, approach, class, levels, procedure and stage change through a move: 409.
    """
    session = current_session()
    surgery = lock_row(session, caller(), Surgery, surgery_id)
    require_match(surgery)
    change_surgery(session, caller(), surgery, _amended(surgery, body), now=now(), require_match=require_match)
    return _answer(surgery)


def _amended(surgery: Surgery, body: dict[str, Any]) -> SurgeryRecord:
    facts = fields_of(surgery, SurgeryRecord)
    if _DECIDE_CLASS & body.keys():
        facts["approach_class"] = None
    if "levels" in body:
        body = body | {"levels": tuple(body["levels"])}
    return SurgeryRecord(**facts | body)


def _answer(surgery: Surgery, status: int = 200) -> tuple[Surgery, int, dict[str, str]]:
    show(surgery.patient_id)
    current_session().flush()
    return surgery, status, {"ETag": etag_of(surgery)}
