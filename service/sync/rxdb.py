"""RxDB: each collection pulled in pages and pushed by itself; the answer to a push are the rows the client must adopt.

The paths are those of RxDB's own server, so that its client needs an address only. RxDB counts schemas from 0: version
0 in a path is our first.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from marshmallow import Schema, fields, validate

from service.api.fields import QueryWhole
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.db import current_session
from service.errors import BadRequestError, Fault, NotFoundError, describe
from service.sync.apply import apply
from service.sync.bodies import answer, columns_in, id_in, read_body, refuse_many
from service.sync.changes import Change, blank, read_now, read_page
from service.sync.collections import COLLECTIONS, Collection
from service.sync.cursor import Position, read_top, span_from
from service.sync.edits import Edit
from service.sync.events import resync_stream
from service.sync.proxies import sees
from service.sync.pulls import note_pull
from service.sync.queries import Cursor
from service.sync.schema_versions import served_version

rxdb = Resource("sync-rxdb", "Synchronisation for apps with RxDB.")
DEFAULT_LIMIT, MOST_DOCUMENTS = 100, 1_000
_PATH: Final = "/sync/rxdb/<id:collection>/<count:version>"
_NO_COLUMNS: Final = frozenset({"id", "_deleted", "_attachments", "_meta", "_rev"})


class PageQuery(Schema):
    """After which document to go on: the `checkpoint` of the page before."""

    lwt = Cursor(load_default=0)
    id = fields.String(
        load_default="",
        validate=validate.Length(max=64),
        metadata={"description": "`id` of the checkpoint.", "expected": "`id` of the checkpoint", "private": True},
    )
    limit = QueryWhole(1, MOST_DOCUMENTS, load_default=DEFAULT_LIMIT)


class Checkpoint(Schema):
    """The place of a page's last document."""

    lwt = fields.Integer(required=True)
    id = fields.String(required=True)


class DocumentPage(Schema):
    """Documents in the order of their changes. Fewer than asked for: there are no more."""

    documents = fields.List(fields.Dict(), required=True)
    checkpoint = fields.Nested(Checkpoint, required=True)


@rxdb.get(f"{_PATH}/pull")
@rxdb.arguments(PageQuery, location="query")
@rxdb.alt_response(200, schema=DocumentPage, success=True)
def pull_rxdb(query: dict[str, Any], collection: str, version: int) -> Response:
    """Return the next page of a collection's documents."""
    session, who, served = current_session(), caller(), served_version(version + 1)
    of = _collection(collection, served)
    top = read_top(session, who.practice_id)
    span = span_from(query["lwt"], top)
    after_id = "" if span.is_replaced else query["id"]
    rows = read_page(session, who, of, span, served, after_id=after_id, limit=query["limit"])
    show(*{row.patient_id for row in rows if row.patient_id is not None})
    if rows:
        # On a full page the rows of its last revision may go on.
        is_full = len(rows) == query["limit"]
        note_pull(rows[-1].revision - 1 if is_full else top.revision, of.table.name)
    documents = [row.document | {"_deleted": row.is_gone} for row in rows]
    checkpoint = _checkpoint(top, rows[-1].revision, rows[-1].id) if rows else _checkpoint(top, span.since, after_id)
    return answer({"documents": documents, "checkpoint": checkpoint})


@rxdb.post(f"{_PATH}/push")
@rxdb.doc(requestBody={"required": True, "content": {"application/json": {"schema": {"type": "array"}}}})
@rxdb.alt_response(200, success=True, description="The documents that the client must adopt; none: all were taken.")
def push_rxdb(collection: str, version: int) -> Response:
    """Apply changes of documents, each with the state that it was made from."""
    session, who, served = current_session(), caller(), served_version(version + 1)
    of = _collection(collection, served)
    body = read_body()
    if not isinstance(body, list):
        raise BadRequestError(Fault("", "an array of changes", describe(body)))
    refuse_many(len(body))
    edits = [_edit(of, change, f"/{place}") for place, change in enumerate(body)]
    applied = apply(session, who, edits, now())
    show(*applied.patient_ids)
    session.flush()
    stored = read_now(session, who, of, {edit.id for edit in edits}, served)
    adopted = (_adopted(of, served, edit, stored.get(edit.id)) for edit in edits)
    return answer([document for document in adopted if document is not None])


@rxdb.get(f"{_PATH}/pullStream")
@rxdb.alt_response(200, success=True, content_type="text/event-stream", description="Ends when there is a change.")
def stream_rxdb(collection: str, version: int) -> Response:
    """Hold a stream that ends as soon as something of the caller's changed: RxDB's own client then pulls."""
    _collection(collection, served_version(version + 1))
    return resync_stream(ends_on_change=True)


def _collection(name: str, version: int) -> Collection:
    """Return a collection that clients of a version, and this caller, have. Raises NotFoundError."""
    found = COLLECTIONS.get(name)
    if found is None or not found.columns_of(version) or not sees(caller(), name):
        raise NotFoundError
    return found


def _checkpoint(top: Position, revision: int, row_id: str) -> dict[str, Any]:
    return {"lwt": Position(top.epoch, revision).to_wire(), "id": row_id}


def _edit(of: Collection, change: Any, pointer: str) -> Edit:
    """Return what one change asks for. Raises BadRequestError for another form."""
    if not isinstance(change, Mapping):
        raise BadRequestError(Fault(pointer, "an object", describe(change)))
    wanted = columns_in(change.get("newDocumentState"), f"{pointer}/newDocumentState")
    assumed = change.get("assumedMasterState")
    base = None if assumed is None else _columns(columns_in(assumed, f"{pointer}/assumedMasterState"))
    # A client that never saw a row which only the server makes has nothing to say of it.
    knows_nothing = base is None and not of.creates
    return Edit(
        collection=of.name,
        id=id_in(wanted, f"{pointer}/newDocumentState"),
        values={} if knows_nothing else _columns(wanted),
        base=base,
        is_creation=base is None,
        is_delete=bool(wanted.get("_deleted", False)),
    )


def _columns(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _NO_COLUMNS}


def _adopted(of: Collection, version: int, edit: Edit, stored: Change | None) -> dict[str, Any] | None:
    """Return the document that the client must adopt, None if it has it: the row, or one without content."""
    if stored is None or stored.is_gone:
        return blank(of, edit.id, version) | {"_deleted": True}
    has_it = all(_has(of, edit, name, value) for name, value in stored.document.items() if name != "rev")
    return None if has_it and not edit.is_delete else stored.document | {"_deleted": False}


def _has(of: Collection, edit: Edit, name: str, value: Any) -> bool:
    """Return whether a client's document has what is stored in a column, as far as its column goes.

    What the server fills in comes with the next pull. Of what devices write, one that grew lacks what others wrote
    before: it would take its own document for the server's, and never get the column.
    """
    absent = None if name in of.written else value
    return bool(edit.values.get(name, absent) == value)
