"""A device asks whether it has what the server has, and is healed where it has not.

First it tells a digest of each collection, then, of those that differ, one of each row.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from service.api import examples_sync as examples
from service.api.fields import Id, Whole
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.db import current_session
from service.errors import Fault, InvalidError, TooLargeError, describe_private
from service.logs import log_event
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION, Collection
from service.sync.cursor import read_top, span_from
from service.sync.drift import MOST_ROWS, Comparison, Healed, Rows, Told
from service.sync.proxies import sees
from service.sync.schema_versions import served_version

digest = Resource("sync-digest", "Whether a device has what the server has, and its healing where it has not.")
_EXPECTED: Final = "by name, `count` and `digest` of each collection, or `rows` of each"


class Digest(Whole):
    """A digest of a row or a collection."""

    def __init__(self, **options: Any) -> None:
        super().__init__(0, 0xFFFFFFFF, "FNV-1a of 32 bits", **options)


class CollectionDigest(Schema):
    """What the device has of a collection: how many rows and their digest, or the digest of each row by its id."""

    count = Whole(0, 1_000_000_000, "rows")
    digest = Digest()
    rows = fields.Dict(keys=Id(), values=Digest())

    @validates_schema
    def _one_of_two(self, data: dict[str, Any], **_: Any) -> None:
        if data.keys() not in ({"count", "digest"}, {"rows"}):
            raise ValidationError("count and digest, or rows")


class DigestBody(Schema):
    """Where the device stands, and what it has. All of what it wrote has been pushed."""

    cursor = Whole(0, (1 << 53) - 1, "the cursor of the last pull", required=True)
    schema_version = Whole(1, SCHEMA_VERSION, "the version of the device's schema", load_default=SCHEMA_VERSION)
    collections = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(CollectionDigest),
        required=True,
        validate=validate.Length(min=1, max=64),
        metadata={"description": f"{_EXPECTED[:1].upper()}{_EXPECTED[1:]}.", "expected": _EXPECTED},
    )


# A schema by its dictionary, since marshmallow's own have an attribute `unknown`.
HealedView = Schema.from_dict(
    {
        "stamped": fields.Integer(required=True, metadata={"description": "Rows that the next pull brings again."}),
        "unknown": fields.List(
            fields.String(), required=True, metadata={"description": "Ids that the app deletes on the device."}
        ),
        "retry_after_seconds": fields.Integer(
            required=True,
            allow_none=True,
            metadata={"description": "Set where nothing was stamped: the device was healed a short while ago."},
        ),
    },
    name="HealedView",
)


class DigestAnswer(Schema):
    """How the device stands.

    `behind`: pull first. `same`: it has what the server has. `differs`: it has not, in these `collections`; tell their
    rows. `healed`: delete what is `unknown`, and pull.
    """

    state = fields.String(required=True, validate=validate.OneOf(["behind", "same", "differs", "healed"]))
    collections = fields.List(fields.String())
    healed = fields.Dict(keys=fields.String(), values=fields.Nested(HealedView))


@digest.post("/sync/digest")
@digest.arguments(DigestBody, example=examples.DIGEST)
@digest.response(200, DigestAnswer, example=examples.DIGEST_ANSWER)
@digest.alt_response(426, success=False)
def compare_digests(body: dict[str, Any]) -> Any:
    """Tell whether a device has what the server has; with `rows`, have it get again what it has otherwise."""
    session, who, version = current_session(), caller(), served_version(body["schema_version"])
    told = _told(body["collections"], version)
    top = read_top(session, who.practice_id)
    if body["cursor"] > top.to_wire():  # this database lags behind: a pull says so too
        return {"state": "behind"}
    comparison = Comparison(session, who, version, span_from(body["cursor"], top))
    if comparison.is_behind(told):
        return {"state": "behind"}
    rows = comparison.read_rows(told)
    show(*{row.patient_id for each in rows.values() for row in each if row.patient_id is not None})
    if all("rows" in each for each in told.values()):
        return _heal(comparison, rows, {collection: each["rows"] for collection, each in told.items()})
    names = comparison.differing(rows, {collection: Told(**each) for collection, each in told.items()})
    return {"state": "differs", "collections": names} if names else {"state": "same"}


def _heal(comparison: Comparison, rows: Rows, told: Mapping[Collection, Mapping[str, int]]) -> dict[str, Any]:
    healed, who = comparison.heal(rows, told, now()), comparison.caller
    stamped = sum(each.stamped for each in healed.values())
    log_event("device_healed", practice_id=who.practice_id, actor_id=who.actor_id, count=stamped)
    return {"state": "healed", "healed": {name: _view(each) for name, each in healed.items()}}


def _told(given: Mapping[str, Any], version: int) -> dict[Collection, dict[str, Any]]:
    """Return what is told by collection, in our order. Raises InvalidError for what cannot be compared."""
    known = {name for name, each in COLLECTIONS.items() if each.columns_of(version) and sees(caller(), name)}
    strange = sorted(given.keys() - known)
    if strange:
        expected = "collections of the schema: " + ", ".join(sorted(known))
        raise InvalidError(Fault("/collections", expected, describe_private(strange[0])))
    if len({"rows" in each for each in given.values()}) > 1:
        raise InvalidError(Fault("/collections", "rows of every collection, or of none", "of some"))
    if sum(len(each.get("rows", ())) for each in given.values()) > MOST_ROWS:
        raise TooLargeError(Fault("/collections", f"up to {MOST_ROWS} rows", "more"))
    return {COLLECTIONS[name]: given[name] for name in COLLECTIONS if name in given}


def _view(healed: Healed) -> dict[str, Any]:
    wait = None if healed.wait is None else max(1, ceil(healed.wait.total_seconds()))
    return {"stamped": healed.stamped, "unknown": healed.unknown, "retry_after_seconds": wait}
