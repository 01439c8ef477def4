"""Statements over many rows at once, for what is done by the thousand: the one place where the databases differ in it.

PostgreSQL gets the rows as one JSON text, in one statement whatever their number; SQLite, which is in the same process,
gets them one after the other. The rows of one call all name the same columns.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    FromClause,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.schema import ScalarElementColumnDefault

Row = Mapping[str, Any]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows. Columns that they do not name take their default."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), list(rows))
        return
    given = list(rows[0])
    source = _as_table(table, given, rows)
    defaults = {
        each.name: literal(each.default.arg, each.type)
        for each in table.columns
        if each.name not in given and isinstance(each.default, ScalarElementColumnDefault)
    }
    connection.execute(
        insert(table).from_select([*given, *defaults], select(*(source.c[name] for name in given), *defaults.values()))
    )


def update_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    keys: Collection[str],
    common: Row,
    where: ColumnElement[bool] | None = None,
) -> None:
    """Change the rows that bear the `keys` of one of `rows`, if `where` holds: what that one names, and `common`."""
    if not rows:
        return
    changed = [name for name in rows[0] if name not in keys]
    also = () if where is None else (where,)
    if connection.dialect.name == "postgresql":
        source = _as_table(table, list(rows[0]), rows)
        is_it = and_(*(table.c[key] == source.c[key] for key in keys))
        new = {name: source.c[name] for name in changed}
        connection.execute(update(table).where(is_it, *also).values(**new, **common))
        return
    # A parameter may not bear the name of a column that is changed.
    is_it = and_(*(table.c[key] == bindparam(f"the_{key}") for key in keys))
    new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in changed}
    parameters = [{f"{'the' if name in keys else 'new'}_{name}": row[name] for name in row} for row in rows]
    connection.execute(update(table).where(is_it, *also).values(**new, **common), parameters)


def among(connection: Connection, of: InstrumentedAttribute[str], values: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of `values`, whatever their number."""
    if connection.dialect.name != "postgresql":
        return of.in_(values)
    listed = select(func.json_array_elements_text(_as_json(list(values))))
    return of == any_(func.array(listed.scalar_subquery()))


def _as_table(table: Table, names: Sequence[str], rows: Sequence[Row]) -> FromClause:
    columns = [column(name, table.c[name].type) for name in names]
    records = func.json_to_recordset(_as_json([dict(row) for row in rows]))
    return records.table_valued(*columns, name="given").render_derived(with_types=True)


def _as_json(values: Sequence[Any]) -> ColumnElement[Any]:
    text = orjson.dumps(values, default=_hex, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()
    return cast(literal(text, Text), JSON)


def _hex(value: Any) -> str:
    """Return what PostgreSQL reads as the value: bytes in its own form, a word of a closed list as its text."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
