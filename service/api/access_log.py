"""The log of accesses: who looked at a patient's data, or changed it."""

from typing import Any

from marshmallow import Schema, fields

from models.audit import ActorKind
from models.people import StaffRole
from service.api import examples_access as examples
from service.api.fields import Id, Instant, Word
from service.api.pages import PageQuery, page, row_after
from service.api.plans import BilingualText
from service.api.resource import Resource, listing
from service.api.scope import caller, show
from service.care.access_log import Access, Whose, list_accesses
from service.care.access_words import AREAS, EMERGENCY, KINDS, AccessKind, Area
from service.care.reach import find_patient
from service.db import current_session

access_log = Resource("access log", "Who looked at a patient's data, or changed it, for the patient to see.")


class ActorView(Schema):
    """Who it was. `name` and `role` are of a member of staff, null for others. `text` says it to the patient."""

    kind = Word(ActorKind, required=True)
    name = fields.String(required=True, allow_none=True)
    role = Word(StaffRole, required=True, allow_none=True)
    text = fields.Nested(BilingualText, required=True)


class AccessView(Schema):
    """One access: what was done, with which part of the record. The texts say it to the patient.

    `emergency_text`, if not null: by somebody who opened the patient outside of their caseload, with a reason.
    """

    id = Id(required=True)
    happened_at = Instant(required=True)
    who = fields.Nested(ActorView, required=True)
    kind = Word(AccessKind, required=True)
    kind_text = fields.Nested(BilingualText, required=True)
    area = Word(Area, required=True)
    area_text = fields.Nested(BilingualText, required=True)
    emergency_text = fields.Nested(BilingualText, required=True, allow_none=True)


AccessPage = listing(AccessView, "AccessPage")


class AccessQuery(PageQuery):
    """Whose accesses, and which page of them."""

    whose = Word(Whose, load_default=Whose.everybody)


@access_log.get("/patients/<id:patient_id>/access-log")
@access_log.arguments(AccessQuery, location="query")
@access_log.response(200, AccessPage, example=examples.ACCESSES)
def list_patient_accesses(query: dict[str, Any], patient_id: str) -> Any:
    """List who looked at a patient's data, changed it or sent something, the latest first.

    `whose=others` leaves out the patient's own phones; a page of it may be short and still have a `next`.
    """
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    patient = find_patient(session, caller(), patient_id)
    show(patient.id)
    rows, on = list_accesses(session, patient.practice_id, patient.id, query["whose"], after=after, limit=limit + 1)
    answer = page(rows, limit, lambda access: access.id, go_on_after=on)
    return answer | {"items": [_view(access) for access in answer["items"]]}


def _view(access: Access) -> dict[str, Any]:
    who = {"kind": access.actor, "name": access.name, "role": access.role, "text": access.actor_text}
    told = {"id": access.id, "happened_at": access.happened_at, "who": who, "kind": access.kind, "area": access.area}
    told["emergency_text"] = EMERGENCY if access.is_emergency else None
    return told | {"kind_text": KINDS[access.kind], "area_text": AREAS[access.area]}
