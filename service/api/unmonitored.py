"""What goes with every answer to a report: whether somebody would hear of it, and which number to call."""

from typing import Any

from marshmallow import Schema, fields

from models import Patient
from service.api.fields import Instant
from service.api.scope import caller, monitoring, now
from service.care.emergency import EmergencyAdvice, emergency_advice
from service.care.reach import practice_of
from service.db import current_session

_MONITORED = "Whether somebody is on call for this, and a worker runs that would tell them."


class EmergencyView(Schema):
    """Which number to call, null where it is not known, and what to show, in the patient's language."""

    number = fields.String(allow_none=True, required=True)
    text = fields.String(required=True)


class Unmonitored(Schema):
    """An answer that says whether somebody is on call and could be told, and until when that is known.

    Null: nobody is, or the service could tell nobody: no worker of it has reported within its limit.
    """

    monitored = fields.Boolean(required=True, metadata={"description": _MONITORED})
    monitored_until = Instant(allow_none=True, required=True)
    emergency = fields.Nested(EmergencyView, required=True)


def unmonitored(patient_id: str, *, calls_nobody: bool = False) -> dict[str, Any]:
    """Return what a patient is told beside what was reported. `calls_nobody`: nothing in it raises an alert."""
    session, who = current_session(), caller()
    patient, practice = session.get_one(Patient, (who.practice_id, patient_id)), practice_of(session, who)
    until = None if calls_nobody else monitoring().until(session, practice, now())
    advice: EmergencyAdvice = emergency_advice(
        patient.country, patient.language, practice.phone, is_monitored=until is not None
    )
    return {"monitored": until is not None, "monitored_until": until, "emergency": advice}
