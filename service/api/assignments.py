"""To whom a patient is given besides the coordinator and the surgeon."""

from typing import Any

from marshmallow import Schema, fields

from models.people import StaffRole
from service.api.fields import Id, Instant, Text, Word
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.care.assignments import give_patient, list_assigned, take_patient_back
from service.db import current_session

assignments = Resource(
    "assignments",
    "Colleagues to whom a patient was given. It counts where staff see their own caseload alone (`docs/access.md`).",
)
EXAMPLE: dict[str, Any] = {"staff_id": "01kprw5h2m7w4y6a8c0e2g5j7k"}
LISTED: dict[str, Any] = {
    "items": [
        EXAMPLE
        | {
            "name": "Dana Okafor",
            "role": "coordinator",
            "assigned_at": "2026-04-15T14:00:00Z",
            "assigned_by": "01kprw5h2m7s9t1v3x5z8b0c4d",
        }
    ]
}


class AssignmentBody(Schema):
    """Who is given the patient."""

    staff_id = Id(required=True)


class AssignmentView(Schema):
    """One colleague."""

    staff_id = Id(required=True)
    name = Text(200, "a name", required=True)
    role = Word(StaffRole, required=True)
    assigned_at = Instant(required=True)
    assigned_by = Id(required=True)


class AssignmentsView(Schema):
    """To whom the patient was given, by name."""

    items = fields.List(fields.Nested(AssignmentView), required=True)


@assignments.get("/patients/<id:patient_id>/assignments")
@assignments.response(200, AssignmentsView, example=LISTED)
def list_assignments(patient_id: str) -> Any:
    """List to whom a patient was given. Who coordinates and operates stands in episodes and surgeries."""
    show(patient_id)
    return {"items": list_assigned(current_session(), caller(), patient_id)}


@assignments.post("/patients/<id:patient_id>/assignments")
@assignments.arguments(AssignmentBody, example=EXAMPLE)
@assignments.response(204)
def add_assignment(body: dict[str, Any], patient_id: str) -> Any:
    """Give a patient to a colleague, who sees them from the next request on. Given already, it stays so."""
    give_patient(current_session(), caller(), patient_id, body["staff_id"], now())
    show(patient_id)
    scope().about["staff_id"] = body["staff_id"]
    return ""


@assignments.delete("/patients/<id:patient_id>/assignments/<id:member_id>")
@assignments.response(204)
def end_assignment(patient_id: str, member_id: str) -> Any:
    """Take a patient back from a colleague; it holds for the next request."""
    take_patient_back(current_session(), caller(), patient_id, member_id)
    show(patient_id)
    scope().about["staff_id"] = member_id
    return ""
