"""Personal items before surgery: what a clinician enters for medicines, fasting and skin wash, and signs."""

from typing import Any

from marshmallow import Schema, fields

from schedules.plan.progress import SlotState
from schedules.plan.vocabulary import MilestoneKind
from service.api import examples_slots as examples
from service.api.etags import refuse_match_of_nothing, require_tag
from service.api.fields import CivilDate, Flag, Id, Instant, Text, Whole, Word
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.slots import Slot, empty_slot, fill_slot, find_slot, may_read_entry, name_of, note_of, sign_slot
from service.db import current_session

slots = Resource("slots", "Items that depend on the person and have no default: a clinician enters them by name.")

_LARGEST_REVISION = 2**53 - 1


class SlotBody(Schema):
    """What a clinician enters for the present day of surgery.

    Medicines and skin wash have a day; fasting has the hospital's times as an instruction, and is told the evening
    before.
    """

    due_on = CivilDate("the day on which the patient is told, such as 2026-04-07", load_default=None, allow_none=True)
    instruction = Text(2000, "the instruction in the clinician's words", load_default=None, allow_none=True)


class SlotSignature(Schema):
    """The revision of the entry that was read."""

    rev = Whole(1, _LARGEST_REVISION, "the revision that was read", required=True)


class SlotView(Schema):
    """One item. A patient reads an entry only while it holds for the present day of surgery, signed where needed."""

    milestone_id = Id(required=True)
    kind = Word(MilestoneKind, required=True)
    state = Word(SlotState, required=True)
    is_stale = Flag("whether something was entered for another day of surgery", required=True)
    day0 = CivilDate("the present day of surgery", allow_none=True, required=True)
    for_day0 = CivilDate("the day of surgery that the entry was made for", allow_none=True, required=True)
    due_on = CivilDate(allow_none=True, required=True)
    instruction = fields.String(allow_none=True, required=True)
    note = fields.String(allow_none=True, required=True)
    entered_by = fields.String(allow_none=True, required=True)
    entered_at = Instant(allow_none=True, required=True)
    signed_by = fields.String(allow_none=True, required=True)
    signed_at = Instant(allow_none=True, required=True)
    rev = fields.Integer(allow_none=True, required=True)


@slots.get("/milestones/<id:milestone_id>/slot")
@slots.tagged(200)
@slots.response(200, SlotView, example=examples.SLOT)
def get_slot(milestone_id: str) -> Any:
    """Return what was entered for an item that depends on the person. Other items have no slot: 404."""
    return _answer(find_slot(current_session(), caller(), milestone_id))


@slots.put("/milestones/<id:milestone_id>/slot")
@slots.tagged(200, 201, needs_match=True)
@slots.arguments(SlotBody, example=examples.SLOT_ENTRY)
@slots.response(200, SlotView, example=examples.SLOT)
@slots.alt_response(201, schema=SlotView, success=True, example=examples.SLOT)
def enter_slot(body: dict[str, Any], milestone_id: str) -> Any:
    """Enter it for the present day of surgery, as a clinician. After a move, the same entry again confirms it."""
    slot, is_new = fill_slot(current_session(), caller(), milestone_id, **body, now=now(), require_match=require_tag)
    if is_new:
        refuse_match_of_nothing()
    return _answer(slot, 201 if is_new else 200)


@slots.delete("/milestones/<id:milestone_id>/slot")
@slots.tagged(needs_match=True)
@slots.response(200, SlotView, example=examples.SLOT_TAKEN_AWAY)
def take_slot_away(milestone_id: str) -> Any:
    """Take away what was entered, as a clinician: the item is blank again. A blank one stays so, without `If-Match`."""
    return _answer(empty_slot(current_session(), caller(), milestone_id, now=now(), require_match=require_tag))


@slots.post("/milestones/<id:milestone_id>/slot/sign")
@slots.tagged(200)
@slots.arguments(SlotSignature, example=examples.SLOT_SIGNATURE)
@slots.response(200, SlotView, example=examples.SIGNED_SLOT)
def sign_entry(body: dict[str, Any], milestone_id: str) -> Any:
    """Sign the fasting times that you read, as a clinician for anaesthesia. Until then nobody is told."""
    return _answer(sign_slot(current_session(), caller(), milestone_id, **body, now=now()))


def _answer(slot: Slot, status: int = 200) -> tuple[dict[str, Any], int, dict[str, str]]:
    show(slot.milestone.patient_id)
    session = current_session()
    session.flush()
    about = {"milestone_id": slot.milestone.id, "kind": slot.milestone.kind, "state": slot.state, "day0": slot.day0}
    body = about | {"is_stale": slot.is_stale, "note": note_of(session, slot), **_entered(slot)}
    return body, status, {} if slot.tag is None else {"ETag": f'"{slot.tag}"'}


def _entered(slot: Slot) -> dict[str, Any]:
    session, entry = current_session(), slot.entry
    names = ("for_day0", "due_on", "instruction", "entered_at", "signed_at", "rev")
    if entry is None or not may_read_entry(slot, caller()):
        return dict.fromkeys((*names, "entered_by", "signed_by"))
    signed_by = None if entry.signed_by is None else name_of(session, entry, entry.signed_by)
    shown = {name: getattr(entry, name) for name in names}
    return shown | {"entered_by": name_of(session, entry, entry.entered_by), "signed_by": signed_by}
