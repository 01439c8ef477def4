"""What goes with every answer to a report: that nobody watches, and which number to call."""

from typing import Any

from marshmallow import Schema, fields

from models import Patient
from service.api.scope import caller
from service.care.emergency import EmergencyAdvice, emergency_advice
from service.care.reach import practice_of
from service.db import current_session


class EmergencyView(Schema):
    """Which number to call, null where it is not known, and what to show, in the patient's language."""

    number = fields.String(allow_none=True, required=True)
    text = fields.String(required=True)


class Unmonitored(Schema):
    """An answer that nobody watches."""

    monitored = fields.Boolean(required=True, metadata={"description": "Whether somebody is on call for this."})
    emergency = fields.Nested(EmergencyView, required=True)


def unmonitored(patient_id: str) -> dict[str, Any]:
    """Return what a patient is told beside what was reported."""
    session, who = current_session(), caller()
    patient = session.get_one(Patient, (who.practice_id, patient_id))
    advice: EmergencyAdvice = emergency_advice(patient.country, patient.language, practice_of(session, who).phone)
    return {"monitored": False, "emergency": advice}
