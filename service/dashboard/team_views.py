"""Giving a patient to a colleague, and taking them back, on the patient's page."""

from flask import Response

from service.api.scope import caller, now, scope, show
from service.api.settle import settled
from service.care.assignments import give_patient, take_patient_back
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to
from service.db import current_session


@clinic.post("/patients/<id:patient_id>/assignments")
@settled
def give_to_colleague(patient_id: str) -> Response:
    """Give a patient to a colleague."""
    staff_id = typed("staff_id", longest=64)
    give_patient(current_session(), caller(), patient_id, staff_id, now())
    return _done(patient_id, staff_id)


@clinic.post("/patients/<id:patient_id>/assignments/<id:member_id>/end")
@settled
def take_from_colleague(patient_id: str, member_id: str) -> Response:
    """Take a patient back from a colleague. Whoever gives up a patient themselves may not see the page any more."""
    take_patient_back(current_session(), caller(), patient_id, member_id)
    return _done(patient_id, member_id)


def _done(patient_id: str, staff_id: str) -> Response:
    show(patient_id)
    scope().about["staff_id"] = staff_id
    return go_to(f"/clinic/patients/{patient_id}")
