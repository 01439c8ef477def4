"""The schema for any other client, as JSON: collections with their columns, types, and what a device may write."""

import json
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Enum

from service.sync.collections import Collection, served
from service.sync.columns import Kind, WireColumn

TYPES = {
    Kind.text: "string",
    Kind.word: "string",
    Kind.day: "string",
    Kind.wall_time: "string",
    Kind.document: "string",
    Kind.number: "number",
    Kind.instant: "number",
    Kind.flag: "boolean",
}
_ID: Final = {"name": "id", "type": "string", "holds": "id", "optional": False, "written": False}


def render_json(version: int) -> str:
    """Return the schema of a version as JSON, a line for each column."""
    collections = ",\n".join(_collection(each, version) for each in served(version))
    return f'{{\n  "version": {version},\n  "collections": {{\n{collections}\n  }}\n}}\n'


def _collection(collection: Collection, version: int) -> str:
    told = {"writable": bool(collection.written), "creates": collection.creates}
    facts = "".join(f"      {_json(name)}: {_json(value)},\n" for name, value in told.items())
    columns = ",\n".join(f"        {_json(each)}" for each in (_id_of(collection), *_columns(collection, version)))
    return f'    {_json(collection.name)}: {{\n{facts}      "columns": [\n{columns}\n      ]\n    }}'


def _id_of(collection: Collection) -> dict[str, Any]:
    return {**_ID, "since": collection.columns[0].since}


def _columns(collection: Collection, version: int) -> Iterator[dict[str, Any]]:
    for column in collection.columns_of(version):
        yield _column(column, is_written=column.name in collection.written)


def _column(column: WireColumn, *, is_written: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": column.name,
        "type": TYPES[column.kind],
        "holds": column.kind.value,
        "optional": column.optional,
        "written": is_written,
        "since": column.since,
    }
    if isinstance(column.stored.type, Enum):
        told["words"] = [str(word) for word in column.stored.type.enums]
    return told


def _json(value: Any) -> str:
    return json.dumps(value)
