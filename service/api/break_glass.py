"""Break-glass: a patient outside of one's caseload is opened for a while with a reason, and reviewed afterwards."""

from datetime import timedelta
from typing import Any

from marshmallow import Schema, fields

from models import EmergencyAccess
from models.caseload import EMERGENCY_MARK, EmergencyReason
from models.reminder import DeliveryState
from service.api import examples_break_glass as examples
from service.api.fields import CivilDate, Id, Instant, Text, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, now, scope, settings, show
from service.care.break_glass import LONGEST_NOTE, AccessState, Opened, Wanted, break_glass, list_opened, review
from service.db import current_session
from service.identity.sessions import require_fresh

emergency_accesses = Resource(
    "break-glass", "Opening a patient outside of one's caseload, with a reason (`docs/access.md`)."
)


class EmergencyBody(Schema):
    """Whom, by number and date of birth, and why."""

    mrn = Text(64, "the patient's number", required=True)
    date_of_birth = CivilDate(required=True)
    reason = Word(EmergencyReason, required=True)
    note = Text(LONGEST_NOTE, "why, in words", required=True)


class ReviewBody(Schema):
    """Nothing: an empty object."""


class EmergencyAccessView(Schema):
    """The access. Until it expires the patient is seen as one of one's own."""

    id = Id(required=True)
    patient_id = Id(required=True)
    opened_at = Instant(required=True)
    expires_at = Instant(required=True)


class NoticeView(Schema):
    """How the e-mail to one of the clinic's admins about an access stands."""

    staff_id = Id(required=True)
    name = fields.String(required=True)
    state = Word(DeliveryState, required=True)
    reason = fields.String(required=True, allow_none=True, metadata={"description": "why it waits, or did not go out"})
    finished_at = Instant(required=True, allow_none=True)


class OpenedView(EmergencyAccessView):
    """An access to be reviewed. What was done stands in `/audit-entries?actor_id=&patient_id=`, marked with its id."""

    staff_id = Id(required=True)
    name = fields.String(required=True)
    reason = Word(EmergencyReason, required=True)
    note = fields.String(required=True, allow_none=True)
    reviewed_at = Instant(required=True, allow_none=True)
    reviewed_by = Id(required=True, allow_none=True)
    notices = fields.List(fields.Nested(NoticeView), required=True)


OpenedPage = listing(OpenedView, "EmergencyAccessPage")


class OpenedQuery(PageQuery):
    """Which accesses."""

    state = Word(AccessState, load_default=AccessState.open)


@emergency_accesses.post("/emergency-accesses")
@emergency_accesses.arguments(EmergencyBody, example=examples.WANTED)
@emergency_accesses.response(201, EmergencyAccessView, example=examples.OPENED)
def open_in_emergency(body: dict[str, Any]) -> Any:
    """Open a patient outside of one's caseload for `EMERGENCY_ACCESS_MINUTES`. Asks for a fresh second factor.

    404 if there is no such patient, 409 for one whom the caller sees already. The clinic's admins are told by e-mail,
    the patient sees it in their log, and every look within that time is marked.
    """
    return open_patient(Wanted(**body))


@emergency_accesses.get("/emergency-accesses")
@emergency_accesses.arguments(OpenedQuery, location="query")
@emergency_accesses.response(200, OpenedPage, example=examples.LISTED)
def list_emergency_accesses(query: dict[str, Any]) -> Any:
    """List accesses that wait for a review, or were reviewed, the latest first."""
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_opened(current_session(), caller().practice_id, query["state"], after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.access.id)
    show(*(row.access.patient_id for row in answer["items"]))
    return answer | {"items": [_told(row) for row in answer["items"]]}


@emergency_accesses.post("/emergency-accesses/<id:access_id>/review")
@emergency_accesses.arguments(ReviewBody)
@emergency_accesses.response(204)
def review_emergency_access(_body: dict[str, Any], access_id: str) -> Any:
    """Say that an access was looked into. Who said so first stands."""
    review_access(access_id)
    return ""


def open_patient(wanted: Wanted) -> EmergencyAccess:
    """Open a patient for the caller, with the entry that tells of it. Raises as `break_glass` does, StepUpError."""
    require_fresh(caller(), now())
    life = timedelta(minutes=settings().emergency_access_minutes)
    row = break_glass(current_session(), caller(), wanted, life=life, now=now())
    show(row.patient_id)
    scope().about.update({EMERGENCY_MARK: [row.id], "reason": row.reason.value})
    return row


def review_access(access_id: str) -> None:
    """Say that an access was looked into."""
    row = review(current_session(), caller(), access_id, now())
    show(row.patient_id)
    scope().about["reviewed"] = row.id


def _told(opened: Opened) -> dict[str, Any]:
    row = opened.access
    names = ("id", "patient_id", "opened_at", "expires_at", "staff_id", "reason", "note", "reviewed_at", "reviewed_by")
    return {name: getattr(row, name) for name in names} | {"name": opened.name, "notices": opened.notices}
