"""The practice's audit trail, for its auditors and its admin. Looking at it leaves an entry too."""

from typing import Any

from marshmallow import Schema, fields

from models.audit import ActorKind, AuditAction
from service.api import examples_access as examples
from service.api.fields import Id, Instant, QueryWhole, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, show
from service.care.audit_trail import Recorded, Sought, list_entries
from service.db import current_session

audit_trail = Resource("audit trail", "Who did what, to whom, when, and how it ended, in ids and codes.")
MOST_ENTRIES = 50


class AuditEntryView(Schema):
    """One entry. `route` is a template or the name of a command or job, never a path. `about` holds ids and codes."""

    id = Id(required=True)
    happened_at = Instant(required=True)
    actor_kind = Word(ActorKind, required=True)
    actor_id = Id(required=True, allow_none=True)
    action = Word(AuditAction, required=True)
    route = fields.String(required=True)
    status = fields.Integer(required=True, allow_none=True)
    about = fields.Dict(keys=fields.String(), required=True)
    patient_ids = fields.List(Id(), required=True)


AuditEntryPage = listing(AuditEntryView, "AuditEntryPage")


class AuditEntryQuery(PageQuery):
    """Whose doings or about whom, and which page."""

    actor_id = Id()
    patient_id = Id()
    limit = QueryWhole(1, MOST_ENTRIES, load_default=MOST_ENTRIES)


@audit_trail.get("/audit-entries")
@audit_trail.arguments(AuditEntryQuery, location="query")
@audit_trail.response(200, AuditEntryPage, example=examples.AUDIT_ENTRIES)
def list_audit_entries(query: dict[str, Any]) -> Any:
    """List entries of the practice's audit trail, the latest first. A page may be short and still have a `next`."""
    after, limit = row_after(query.pop("after", None)), query.pop("limit")
    rows, on = list_entries(current_session(), caller().practice_id, Sought(**query), after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.entry.id, go_on_after=on)
    show(*{patient_id for row in answer["items"] for patient_id in row.patient_ids})
    return answer | {"items": [_view(row) for row in answer["items"]]}


def _view(row: Recorded) -> dict[str, Any]:
    names = ("id", "happened_at", "actor_kind", "actor_id", "action", "route", "status", "about")
    return {name: getattr(row.entry, name) for name in names} | {"patient_ids": row.patient_ids}
