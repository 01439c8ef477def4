"""PowerSync's SDKs: one bucket for each caller, streamed as lines of JSON, and an upload of changed columns.

An operation's number is its revision times 65,536 and its place within it, so no history of operations is kept: after
each checkpoint the client stands at a revision's end. Checksums are 0, as the protocol allows. A new epoch is a new
bucket. The stream ends after a checkpoint; one without news is held until there is some.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

import orjson
from flask import Response, current_app
from marshmallow import Schema, fields

from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.db import current_session
from service.errors import BadRequestError, Fault, describe
from service.identity.principal import Principal
from service.sync.apply import apply
from service.sync.bodies import answer, columns_in, id_in, read_body, refuse_many, zipped
from service.sync.changes import Change, changed_collections, read_changes
from service.sync.collections import SCHEMA_VERSION
from service.sync.cursor import Position, Span, read_top
from service.sync.edits import Edit
from service.sync.events import LONGEST_SECONDS, WAKES
from service.sync.pulls import note_pull
from service.sync.queries import Outcomes
from service.sync.schema_versions import served_version
from service.sync.wake import Wakes

powersync = Resource("sync-powersync", "Synchronisation for apps with a PowerSync SDK.")
_PLACES: Final = 1 << 16  # within a revision
_LINES_OF_A_BATCH: Final = 1_000
_HOLD_SECONDS: Final = min(20, LONGEST_SECONDS)
_LINES: Final = "application/x-ndjson"
_END: Final = orjson.dumps({"token_expires_in": 3_600}) + b"\n"
_OPERATIONS: Final = ("PUT", "PATCH", "DELETE")
_NUMBER: Final = re.compile("[0-9]{1,20}")  # of an operation: Python reads no number of thousands of digits


class WriteCheckpoint(Schema):
    """The revision that a stream must have reached for an upload to be in it."""

    write_checkpoint = fields.String(required=True)


class WriteCheckpointAnswer(Schema):
    """A write checkpoint."""

    data = fields.Nested(WriteCheckpoint, required=True)


_BODY = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


@powersync.post("/sync/powersync/sync/stream")
@powersync.doc(requestBody=_BODY)
@powersync.alt_response(200, success=True, content_type=_LINES, description="Checkpoints and data.")
def stream_powersync() -> Response:
    """Stream what changed since the places of the client's buckets, and a checkpoint."""
    session, who, body = current_session(), caller(), read_body()
    if not isinstance(body, Mapping):
        raise BadRequestError(Fault("", "an object", describe(body)))
    version = served_version(_version_in(body))
    top = read_top(session, who.practice_id)
    bucket = _bucket(who, top)
    span = Span(_since(body, bucket, top), top)
    rows = [
        (collection.name, row)
        for collection in changed_collections(session, who, span, version)
        for row in read_changes(session, who, collection, span, version)
    ]
    show(*{row.patient_id for _, row in rows if row.patient_id is not None})
    told = (_line(each) for each in _lines(bucket, span, rows))
    if rows:
        note_pull(top.revision)
        return zipped(b"".join((*told, _END)), _LINES)
    return Response(_held(told, current_app.extensions[WAKES], who, top), content_type=_LINES)


@powersync.get("/sync/powersync/write-checkpoint2.json")
@powersync.alt_response(200, schema=WriteCheckpointAnswer, success=True)
def get_write_checkpoint() -> Response:
    """Return the revision that a stream must have reached for what the client uploaded to be in it."""
    top = read_top(current_session(), caller().practice_id)
    return answer({"data": {"write_checkpoint": str(top.revision)}})


@powersync.post("/sync/powersync/crud")
@powersync.doc(requestBody=_BODY)
@powersync.alt_response(200, schema=Outcomes, success=True)
def upload_powersync() -> Response:
    """Apply what the device changed. `old` of an operation are the values that it started from."""
    body = read_body()
    operations = body.get("crud") if isinstance(body, Mapping) else None
    if not isinstance(operations, list):
        raise BadRequestError(Fault("/crud", "an array of operations", describe(operations)))
    refuse_many(len(operations))
    edits = [_edit(operation, f"/crud/{place}") for place, operation in enumerate(operations)]
    applied = apply(current_session(), caller(), edits, now(), always_answers=True)
    show(*applied.patient_ids)
    return answer(applied.counts())


def _version_in(body: Mapping[str, Any]) -> int:
    """Return the schema version that an app tells among its connection's parameters, by default ours."""
    parameters = body.get("parameters")
    version = parameters.get("schema_version") if isinstance(parameters, Mapping) else None
    return version if isinstance(version, int) else SCHEMA_VERSION


def _bucket(who: Principal, top: Position) -> str:
    if who.proxy is not None:
        return f"proxy:{who.proxy.consent_id}:{top.epoch}"
    kind = "staff" if who.is_staff else "patient"
    return f"{kind}:{who.patient_id or who.actor_id}:{top.epoch}"


def _since(body: Mapping[str, Any], bucket: str, top: Position) -> int:
    """Return the last revision that the client has whole of the bucket, 0 if none.

    One that it has begun, or that is ahead of the clock, it gets again: rows that come twice change nothing.
    """
    held = body.get("buckets")
    for each in held if isinstance(held, list) else ():
        if isinstance(each, Mapping) and each.get("name") == bucket and _NUMBER.fullmatch(str(each.get("after"))):
            revision, place = divmod(int(each["after"]), _PLACES)
            since = revision if place == _PLACES - 1 else revision - 1
            return since if 0 <= since <= top.revision else 0
    return 0


def _last_of(revision: int) -> str:
    return str(revision * _PLACES + _PLACES - 1)


def _lines(bucket: str, span: Span, rows: list[tuple[str, Change]]) -> list[dict[str, Any]]:
    """Return the lines of a whole answer: the checkpoint, the data in batches of whole revisions, its completion."""
    last = _last_of(span.top.revision)
    of_bucket = {"bucket": bucket, "checksum": 0, "priority": 3, "count": 0, "subscriptions": [{"default": 0}]}
    checkpoint = {
        "last_op_id": last,
        "write_checkpoint": str(span.top.revision),
        "buckets": [of_bucket],
        "streams": [{"name": "own", "is_default": True, "errors": []}],
    }
    return [{"checkpoint": checkpoint}, *_batches(bucket, span, rows), {"checkpoint_complete": {"last_op_id": last}}]


def _batches(bucket: str, span: Span, rows: list[tuple[str, Change]]) -> Iterator[dict[str, Any]]:
    after, waiting = _last_of(span.since) if span.since else "0", list[dict[str, Any]]()
    in_order = sorted(rows, key=lambda each: each[1].revision)
    for revision, group in groupby(in_order, key=lambda each: each[1].revision):
        waiting += [_operation(revision, place, name, row) for place, (name, row) in enumerate(group)]
        if len(waiting) >= _LINES_OF_A_BATCH:
            yield _batch(bucket, after, _last_of(revision), waiting, has_more=True)
            after, waiting = _last_of(revision), []
    yield _batch(bucket, after, _last_of(span.top.revision), waiting, has_more=False)


def _batch(bucket: str, after: str, next_after: str, data: list[Any], *, has_more: bool) -> dict[str, Any]:
    told = {"bucket": bucket, "after": after, "next_after": next_after, "has_more": has_more, "data": data}
    return {"data": told}


def _operation(revision: int, place: int, name: str, row: Change) -> dict[str, Any]:
    told = {"op_id": str(revision * _PLACES + min(place, _PLACES - 1)), "object_type": name, "object_id": row.id}
    if row.is_gone:
        return told | {"op": "REMOVE", "checksum": 0, "subkey": ""}
    # SQLite on the device has no booleans.
    values = {key: int(each) if isinstance(each, bool) else each for key, each in row.document.items() if key != "id"}
    return told | {"op": "PUT", "checksum": 0, "subkey": "", "data": orjson.dumps(values).decode()}


def _line(told: Any) -> bytes:
    return orjson.dumps(told) + b"\n"


def _held(lines: Iterable[bytes], wakes: Wakes, who: Principal, top: Position) -> Iterator[bytes]:
    """Yield lines, and the last one as soon as there is news."""
    yield from lines
    with wakes.wait_for(who, top.revision) as waiting:
        if waiting is not None:
            waiting.changed.wait(_HOLD_SECONDS)
    yield _END


def _edit(operation: Any, pointer: str) -> Edit:
    """Return what one operation asks for. Raises BadRequestError for another form."""
    given = columns_in(operation, pointer) if not isinstance(operation, Mapping) else operation
    kind, collection = given.get("op"), given.get("type")
    if kind not in _OPERATIONS or not isinstance(collection, str):
        raise BadRequestError(Fault(f"{pointer}/op", "PUT, PATCH or DELETE of a type", "something else"))
    row_id = id_in(given, pointer)
    if kind == "DELETE":
        return Edit(collection=collection, id=row_id, is_delete=True)
    old = given.get("old")
    base = columns_in(old, f"{pointer}/old") if isinstance(old, Mapping) and old else None
    values = columns_in(given.get("data"), f"{pointer}/data")
    return Edit(collection=collection, id=row_id, values=values, base=base, is_creation=kind == "PUT" and base is None)
