"""The schema for apps with RxDB: what `addCollections` takes, with the strategies of its migrations.

RxDB counts schemas from 0: its version 0, in the addresses too, is our first.
"""

from models.base import ID_LENGTH
from service.sync.collections import Collection, served
from service.sync.columns import Kind, WireColumn
from service.sync.schemas.growth import growths
from service.sync.schemas.javascript import Code, Value, javascript
from service.sync.schemas.neutral import TYPES


def render_rxdb(version: int) -> str:
    """Return a JavaScript module that exports `collections`."""
    told = {each.name: _collection(each, version) for each in served(version)}
    return f"export const collections = {javascript(told)}\n"


def _collection(collection: Collection, version: int) -> Value:
    columns = collection.columns_of(version)
    properties: dict[str, Value] = {"id": {"type": "string", "maxLength": ID_LENGTH}}
    properties |= {each.name: _type(each) for each in columns}
    schema: Value = {
        "version": version - 1,
        "primaryKey": "id",
        "type": "object",
        "properties": properties,
        "required": ["id", *(each.name for each in columns if not collection.may_lack(each))],
    }
    return {
        "schema": schema,
        "migrationStrategies": {str(to - 1): _strategy(collection, to) for to in range(2, version + 1)},
    }


def _type(column: WireColumn) -> Value:
    held = "integer" if column.kind in (Kind.number, Kind.instant) else TYPES[column.kind]
    longest: dict[str, Value] = {"maxLength": ID_LENGTH} if column.name.endswith("_id") else {}
    return {"type": [held, "null"] if column.optional else held, **longest}


def _strategy(collection: Collection, to: int) -> Code:
    """Return what makes a document of the version before one of `to`: new columns hold nothing yet.

    What a device writes stays out: RxDB pushes all it has after an upgrade, and a blank would be taken as a change.
    """
    grown = [each for each in growths(to) if (each.version, each.collection) == (to, collection) and not each.is_new]
    new = (column for each in grown for column in each.columns if column.name not in collection.written)
    added = {column.name: column.blank for column in new}
    if not added:
        return Code("(document) => document")
    blanks = ", ".join(f"{name}: {javascript(blank)}" for name, blank in added.items())
    return Code(f"(document) => ({{ ...document, {blanks} }})")
