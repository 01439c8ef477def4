"""The schema for apps with PowerSync. What a device may write is tracked, so that uploads say what it started from."""

from service.sync.collections import Collection, served
from service.sync.columns import Kind
from service.sync.schemas.javascript import Call, Code, Value, javascript

_HEAD = "import { column, Schema, Table } from '@powersync/common'\n"
_NUMBERS = (Kind.number, Kind.instant, Kind.flag)  # SQLite has no booleans


def render_powersync(version: int) -> str:
    """Return a JavaScript module that exports `schema`. It needs no migrations: its tables are views."""
    schema = Call("new Schema", ({each.name: _table(each, version) for each in served(version)},))
    return f"{_HEAD}\nexport const schema = {javascript(schema)}\n"


def _table(collection: Collection, version: int) -> Call:
    columns: dict[str, Value] = {
        each.name: Code(f"column.{'integer' if each.kind in _NUMBERS else 'text'}")
        for each in collection.columns_of(version)
    }
    if not collection.written:
        return Call("new Table", (columns,))
    tracked: list[Value] = [each.name for each in collection.columns if each.name in collection.written]
    options: Value = {"trackPrevious": {"columns": tracked}, "ignoreEmptyUpdates": True}
    return Call("new Table", (columns, options))
