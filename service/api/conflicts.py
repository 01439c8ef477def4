"""What merging left behind, for staff: values that did not stand against others, and rows that could not be stored."""

from typing import Any

from marshmallow import Schema, fields

from models import RefusedRow, SyncConflict
from models.merging import LostBy, Resolution
from service.api import examples_sync as examples
from service.api.fields import Id, Instant, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, now, scope, show
from service.db import current_session
from service.sync.columns import columns_of_text
from service.sync.conflicts import (
    ConflictState,
    Keep,
    RefusedState,
    finish_refused_row,
    list_conflicts,
    list_refused_rows,
    resolve_conflict,
    state_of,
    state_of_refused,
)

conflicts = Resource(
    "conflicts", "What devices wrote and did not stand, or could not be stored. Nothing of it is lost."
)
_COLUMNS = {"description": "Columns as they go over the wire of synchronisation."}


class ConflictView(Schema):
    """Two values that could not both stand.

    `kept` is what was stored in the end, `lost` what was not; `lost_by` says whose words those are, `unknown` for a
    setting of which it was not kept who wrote it. Where a device changed what had been cancelled, `kept` holds the
    reason.
    """

    id = Id(required=True)
    patient_id = Id(required=True)
    collection = fields.String(required=True)
    row_id = Id(required=True)
    happened_at = Instant(required=True)
    lost_by = Word(LostBy, required=True)
    kept = fields.Dict(keys=fields.String(), required=True, metadata=_COLUMNS)
    lost = fields.Dict(keys=fields.String(), required=True, metadata=_COLUMNS)
    state = Word(ConflictState, required=True)
    resolution = Word(Resolution, required=True, allow_none=True)
    resolved_at = Instant(required=True, allow_none=True)
    resolved_by = Id(required=True, allow_none=True)


class RefusedRowView(Schema):
    """A row that a device made and that could not be stored, and why. `actor_id` is the device or member of staff.

    Of a row that tells no patient whom the practice knows, `patient_id`, `row_id` and `content` are null.
    """

    id = Id(required=True)
    patient_id = Id(required=True, allow_none=True)
    actor_id = Id(required=True)
    collection = fields.String(required=True)
    row_id = fields.String(required=True, allow_none=True)
    refused_at = Instant(required=True)
    reason = fields.String(required=True)
    content = fields.Dict(keys=fields.String(), required=True, allow_none=True, metadata=_COLUMNS)
    state = Word(RefusedState, required=True)
    done_at = Instant(required=True, allow_none=True)
    done_by = Id(required=True, allow_none=True)


class ConflictQuery(PageQuery):
    """Whose conflicts, and which page of them. Without a state: the open ones."""

    state = Word(ConflictState, load_default=ConflictState.open)
    patient_id = Id()


class RefusedQuery(PageQuery):
    """Whose rows, and which page of them. Without a state: the open ones."""

    state = Word(RefusedState, load_default=RefusedState.open)
    patient_id = Id()


class ResolveBody(Schema):
    """Which value is right: the one that was `kept`, or the one that was `lost`."""

    keep = Word(Keep, required=True)


ConflictPage = listing(ConflictView, "ConflictPage")
RefusedRowPage = listing(RefusedRowView, "RefusedRowPage")


@conflicts.get("/conflicts")
@conflicts.arguments(ConflictQuery, location="query")
@conflicts.response(200, ConflictPage, example=examples.CONFLICTS)
def list_sync_conflicts(query: dict[str, Any]) -> Any:
    """List edits that could not both stand, with both values, the oldest first."""
    after, limit = row_after(query.pop("after", None)), query.pop("limit")
    whose = {"state": query["state"], "patient_id": query.get("patient_id")}
    rows = list_conflicts(current_session(), caller().practice_id, **whose, after=after, limit=limit + 1)
    show(*(row.patient_id for row in rows[:limit]))
    answer = page(rows, limit, lambda row: row.id)
    return answer | {"items": [_conflict(row) for row in answer["items"]]}


@conflicts.post("/conflicts/<id:conflict_id>/resolve")
@conflicts.arguments(ResolveBody, example=examples.RESOLVE)
@conflicts.response(200, ConflictView)
def resolve_sync_conflict(body: dict[str, Any], conflict_id: str) -> Any:
    """Settle a conflict. `lost` writes the lost values, in your name; 409 if it cannot be, or was settled otherwise."""
    row = resolve_conflict(current_session(), caller(), conflict_id, **body, now=now())
    show(row.patient_id)
    scope().about.update({"conflict_id": row.id, "keep": body["keep"].value})
    return _conflict(row)


@conflicts.get("/refused-rows")
@conflicts.arguments(RefusedQuery, location="query")
@conflicts.response(200, RefusedRowPage, example=examples.REFUSED_ROWS)
def list_rows_refused(query: dict[str, Any]) -> Any:
    """List rows that devices made and that could not be stored, the latest first."""
    after, limit = row_after(query.get("after")), query["limit"]
    whose = {"state": query["state"], "patient_id": query.get("patient_id")}
    rows = list_refused_rows(current_session(), caller().practice_id, **whose, after=after, limit=limit + 1)
    show(*(row.patient_id for row in rows[:limit] if row.patient_id is not None))
    answer = page(rows, limit, lambda row: row.id)
    return answer | {"items": [_refused(row) for row in answer["items"]]}


@conflicts.post("/refused-rows/<id:refused_id>/done")
@conflicts.response(200, RefusedRowView)
def finish_row_refused(refused_id: str) -> Any:
    """Say that nothing is left to do about a row that could not be stored. Again: nothing happens."""
    row = finish_refused_row(current_session(), caller(), refused_id, now())
    if row.patient_id is not None:
        show(row.patient_id)
    scope().about["refused_id"] = row.id
    return _refused(row)


def _conflict(row: SyncConflict) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ConflictView().fields if name != "state"}
    return told | {"kept": columns_of_text(row.kept), "lost": columns_of_text(row.lost), "state": state_of(row)}


def _refused(row: RefusedRow) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in RefusedRowView().fields if name != "state"}
    told["state"] = state_of_refused(row)
    if row.patient_id is None:
        return told | {"row_id": None, "content": None}
    return told | {"content": columns_of_text(row.content)}
