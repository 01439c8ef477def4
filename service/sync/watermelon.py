"""WatermelonDB: one pull of everything since a timestamp, one push of everything that the device changed.

The protocol merges on the device, so a push of rows that changed meanwhile is refused whole with 409, and the client
pulls and pushes again. A row that cannot be stored is named as deleted in the device's next pull.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from marshmallow import Schema, fields
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models import RefusedRow
from models.prepared import Prepared, Row
from service.api.fields import QueryWhole
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.api.strict_json import parse_json
from service.db import current_session
from service.errors import BadRequestError, ConflictError, Fault, ServiceError, describe
from service.identity.principal import Principal
from service.sync.apply import apply
from service.sync.bodies import answer, columns_in, id_in, read_body, refuse_many
from service.sync.changes import Change, changed_collections, read_changes
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION, served
from service.sync.cursor import Span, read_top, span_from
from service.sync.edits import Edit
from service.sync.proxies import sees
from service.sync.pulls import note_pull
from service.sync.queries import Cursor, Outcomes
from service.sync.schema_versions import served_version

watermelon = Resource("sync-watermelon", "Synchronisation for apps with WatermelonDB.")
_LISTS: Final = ("created", "updated", "deleted")
_MARKS: Final = ("id", "_status", "_changed")
_NO_MIGRATION: Final = "null"
_REFUSED: Final = Prepared(
    select(RefusedRow.collection, RefusedRow.row_id)
    .where(
        RefusedRow.practice_id == bindparam("practice_id"),
        RefusedRow.actor_id == bindparam("actor_id"),
        RefusedRow.refused_rev > bindparam("since"),
        RefusedRow.refused_rev <= bindparam("top"),
    )
    .distinct()
)


class PullQuery(Schema):
    """From where on, and for which schema. `migration` is what WatermelonDB tells of a schema that has grown."""

    last_pulled_at = Cursor(load_default=0)
    schema_version = QueryWhole(0, 1_000_000, load_default=SCHEMA_VERSION)
    migration = fields.String(
        load_default=_NO_MIGRATION, metadata={"description": "JSON: from, tables, columns; or null."}
    )


class PushQuery(Schema):
    """From which state the device's changes started."""

    last_pulled_at = Cursor(required=True)


class Changes(Schema):
    """Rows of one collection. `created` is always empty: clients set `sendCreatedAsUpdated`."""

    created = fields.List(fields.Dict(), required=True)
    updated = fields.List(fields.Dict(), required=True)
    deleted = fields.List(fields.String(), required=True)


class Pulled(Schema):
    """Everything that changed, by collection, and the cursor of the next pull."""

    changes = fields.Dict(keys=fields.String(), values=fields.Nested(Changes), required=True)
    timestamp = fields.Integer(required=True)
    experimentalStrategy = fields.String(  # noqa: N815 - the protocol's word
        metadata={"description": "`replacement`: the device drops what is not in this answer.", "enum": ["replacement"]}
    )


@watermelon.get("/sync/watermelon")
@watermelon.arguments(PullQuery, location="query")
@watermelon.alt_response(200, schema=Pulled, success=True)
@watermelon.alt_response(426, success=False)
def pull_watermelon(query: dict[str, Any]) -> Response:
    """Return everything that changed since `last_pulled_at`, in one answer."""
    session, who = current_session(), caller()
    version = served_version(query["schema_version"])
    span = span_from(query["last_pulled_at"], read_top(session, who.practice_id))
    changed = changed_collections(session, who, span, version)
    found = {each.name: read_changes(session, who, each, span, version) for each in changed}
    for name, rows in _migrated(session, who, span, version, query["migration"]).items():
        found[name] = list({row.id: row for row in (*rows, *found.get(name, ()))}.values())
    show(*{row.patient_id for rows in found.values() for row in rows if row.patient_id is not None})
    if any(found.values()):
        note_pull(span.top.revision)
    pulled = {each.name: _told(found.get(each.name, ())) for each in served(version)}
    for name, row_id in _let_go(session, who, span):
        # One that somebody has stored since is not gone; one of a collection of later versions was another app's.
        if name in pulled and all(row.id != row_id for row in found.get(name, ())):
            pulled[name]["deleted"].append(row_id)
    strategy = {"experimentalStrategy": "replacement"} if span.is_replaced else {}
    return answer({"changes": pulled, "timestamp": span.top.to_wire()} | strategy)


@watermelon.post("/sync/watermelon")
@watermelon.arguments(PushQuery, location="query")
@watermelon.doc(requestBody={"required": True, "content": {"application/json": {"schema": {"type": "object"}}}})
@watermelon.alt_response(200, schema=Outcomes, success=True)
def push_watermelon(query: dict[str, Any]) -> Response:
    """Apply everything that the device changed. 409 if rows changed meanwhile: pull, then push again."""
    session, who, edits = current_session(), caller(), _edits(read_body())
    refuse_many(len(edits))
    span = span_from(query["last_pulled_at"], read_top(session, who.practice_id))
    if span.is_replaced:
        raise ConflictError(Fault("/last_pulled_at", "a timestamp of the present epoch", "one of an earlier"))
    applied = apply(session, who, edits, now(), made_at=span.since)
    show(*applied.patient_ids)
    return answer(applied.counts())


def _told(rows: Any) -> dict[str, list[Any]]:
    updated = [row.document for row in rows if not row.is_gone]
    return {"created": [], "updated": updated, "deleted": [row.id for row in rows if row.is_gone]}


def _migrated(session: Session, who: Principal, span: Span, version: int, asked: str) -> dict[str, list[Change]]:
    """Return all rows of the collections that the client's schema newly has, and those with a value in new columns."""
    if asked == _NO_MIGRATION:
        return {}
    migration = _migration(asked)
    whole = Span(0, span.top)
    found = {}
    for name in migration["tables"]:
        if name in COLLECTIONS and sees(who, name):
            found[name] = read_changes(session, who, COLLECTIONS[name], whole, version)
    for name, columns in migration["columns"].items():
        if name in COLLECTIONS and name not in found:
            blanks = {each.name: each.blank for each in COLLECTIONS[name].columns_of(version) if each.name in columns}
            rows = read_changes(session, who, COLLECTIONS[name], whole, version)
            found[name] = [row for row in rows if any(row.document[each] != blanks[each] for each in blanks)]
    return found


def _migration(asked: str) -> dict[str, Any]:
    """Return what a client says of its migration. Raises BadRequestError for another form."""
    try:
        told = parse_json(asked.encode())
        if told is None:
            return {"tables": [], "columns": {}}
        columns = {str(each["table"]): {str(name) for name in each["columns"]} for each in told["columns"]}
        return {"tables": [str(each) for each in told["tables"]], "columns": columns}
    except (KeyError, TypeError, ValueError, ServiceError):
        raise BadRequestError(Fault("/migration", "JSON with tables and columns, or null", "something else")) from None


def _let_go(session: Session, who: Principal, span: Span) -> list[Row]:
    """Return collection and id of the rows that this device made and that were not stored."""
    if span.since == 0:
        return []
    told = {"practice_id": who.practice_id, "actor_id": who.actor_id, "since": span.since, "top": span.top.revision}
    return _REFUSED.rows(session.connection(), told)


def _edits(body: Any) -> list[Edit]:
    """Return the edits of a push, in the order of the collections. Raises BadRequestError for another form."""
    if not isinstance(body, Mapping):
        raise BadRequestError(Fault("", "an object of collections", describe(body)))
    edits = []
    for name, lists in body.items():
        if not isinstance(lists, Mapping) or not all(isinstance(lists.get(each, []), list) for each in _LISTS):
            raise BadRequestError(Fault("", "created, updated and deleted of each collection", "something else"))
        for kind in ("created", "updated"):
            edits += [_edit(name, given, is_creation=kind == "created") for given in lists.get(kind, ())]
        edits += [Edit(collection=name, id=str(each), is_delete=True) for each in lists.get("deleted", ())]
    return edits


def _edit(collection: str, given: Any, *, is_creation: bool) -> Edit:
    values = columns_in(given, "")
    row_id = id_in(values, "")
    return Edit(collection=collection, id=row_id, values=_without_marks(values), is_creation=is_creation)


def _without_marks(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in _MARKS}
