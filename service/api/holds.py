"""Holds on a patient's record: as long as one is open, nobody erases it."""

from typing import Any

from marshmallow import Schema, fields

from models.hold import HoldReason
from service.api import examples_privacy as examples
from service.api.fields import Id, Instant, Word
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.care.holds import end_hold, list_holds, place_hold
from service.care.reach import find_patient
from service.db import current_session
from service.identity.sessions import require_fresh

holds = Resource("holds", "What keeps a patient's record from being erased, as somebody of the clinic said.")


class HoldBody(Schema):
    """Why the record is still needed."""

    reason = Word(HoldReason, required=True)


class HoldEndBody(Schema):
    """Nothing: an empty object."""


class HoldView(Schema):
    """One hold. `placed_by` and `ended_by` are ids of staff; null: by a command."""

    id = Id(required=True)
    patient_id = Id(required=True)
    reason = Word(HoldReason, required=True)
    placed_at = Instant(required=True)
    placed_by = Id(required=True, allow_none=True)
    ended_at = Instant(required=True, allow_none=True)
    ended_by = Id(required=True, allow_none=True)


class HoldList(Schema):
    """Every hold there ever was on a record, the first one first."""

    items = fields.List(fields.Nested(HoldView), required=True)


@holds.get("/patients/<id:patient_id>/holds")
@holds.response(200, HoldList, example=examples.HOLDS)
def list_record_holds(patient_id: str) -> Any:
    """List the holds on a patient's record, those that have ended too."""
    patient = find_patient(current_session(), caller(), patient_id)
    show(patient.id)
    return {"items": list_holds(current_session(), patient)}


@holds.post("/patients/<id:patient_id>/holds")
@holds.arguments(HoldBody, example=examples.HOLD_REASON)
@holds.response(200, HoldView, example=examples.HOLD)
def place_record_hold(body: dict[str, Any], patient_id: str) -> Any:
    """Put a record on hold: until that is ended nobody erases it. It is the same hold again for the same reason."""
    find_patient(current_session(), caller(), patient_id)
    hold = place_hold(current_session(), caller().practice_id, patient_id, body["reason"], now(), by=caller().actor_id)
    show(hold.patient_id)
    scope().about.update(hold_id=hold.id, reason=hold.reason.value)
    return hold


@holds.post("/patients/<id:patient_id>/holds/<id:hold_id>/end")
@holds.arguments(HoldEndBody)
@holds.response(200, HoldView, example=examples.HOLD_ENDED)
def end_record_hold(_body: dict[str, Any], patient_id: str, hold_id: str) -> Any:
    """End a hold. For the practice's admin; in a session it asks for a fresh second factor: 403 `step_up_required`."""
    require_fresh(caller(), now())
    find_patient(current_session(), caller(), patient_id)
    hold = end_hold(current_session(), caller().practice_id, patient_id, hold_id, now(), by=caller().actor_id)
    show(hold.patient_id)
    scope().about["hold_id"] = hold.id
    return hold
