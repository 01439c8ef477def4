"""The schema for apps with WatermelonDB: `appSchema`, and `schemaMigrations` from the oldest version that is served."""

from collections.abc import Iterable
from itertools import groupby

from service.sync.collections import Collection, served
from service.sync.columns import WireColumn
from service.sync.schemas.growth import Growth, growths
from service.sync.schemas.javascript import Call, Value, javascript
from service.sync.schemas.neutral import TYPES

_HEAD = """\
import { appSchema, tableSchema } from '@nozbe/watermelondb'
import { addColumns, createTable, schemaMigrations } from '@nozbe/watermelondb/Schema/migrations'
"""


def render_watermelon(version: int) -> str:
    """Return a JavaScript module that exports `schema` and `migrations`."""
    tables = [Call("tableSchema", (_table(each, version),)) for each in served(version)]
    schema = Call("appSchema", ({"version": version, "tables": tables},))
    steps = [_migration(to, of) for to, of in groupby(growths(version), key=lambda each: each.version)]
    migrations = Call("schemaMigrations", ({"migrations": steps},))
    told = f"export const schema = {javascript(schema)}\n\nexport const migrations = {javascript(migrations)}\n"
    return f"{_HEAD}\n{told}"


def _migration(to: int, grown: Iterable[Growth]) -> Value:
    return {"toVersion": to, "steps": [_step(each) for each in grown]}


def _step(growth: Growth) -> Value:
    if growth.is_new:
        return Call("createTable", (_table(growth.collection, growth.version),))
    columns = [_column(growth.collection, each) for each in growth.columns]
    return Call("addColumns", ({"table": growth.collection.name, "columns": columns},))


def _table(collection: Collection, version: int) -> Value:
    columns = [_column(collection, each) for each in collection.columns_of(version)]
    return {"name": collection.name, "columns": columns}


def _column(collection: Collection, column: WireColumn) -> Value:
    optional = {"isOptional": True} if collection.may_lack(column) else {}
    indexed = {"isIndexed": True} if column.name.endswith("_id") else {}
    return {"name": column.name, "type": TYPES[column.kind], **optional, **indexed}
