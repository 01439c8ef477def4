"""Statements over many rows at once, for what is done by the thousand: the one place where the databases differ in it.

PostgreSQL gets the rows as one JSON text, in one statement whatever their number; SQLite, which is in the same process,
gets them one after the other. The rows of one call all name the same columns. Building a statement costs more than
running it, so those for PostgreSQL are built once for each set of columns.

A condition on many values is `among` where the statement is built for the call, `is_among` (by hand, or in a `ByList`)
where it is built once, and `is_in_list` where it is `Prepared` on SQLite too.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    ClauseElement,
    ColumnElement,
    Connection,
    FromClause,
    LargeBinary,
    Select,
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

from models.prepared import Prepared

Row = Mapping[str, Any]
_ROWS = "given_rows"
_KEPT = 256  # statements, of which there are some dozens


class ByList:
    """A query with lists among its parameters, which `is_among` compares with: built once for each database.

    PostgreSQL takes a list as one parameter, so that its text is always the same. SQLite's follows from the lists.
    """

    def __init__(self, build: Callable[[str], Select[*tuple[Any, ...]]]) -> None:
        self._queries = cache(build)
        self._prepared = cache(lambda: Prepared(build("postgresql")))

    def rows(self, connection: Connection, parameters: Row) -> Sequence[Any]:
        """Return its rows, with values of its columns' types. `parameters` has a plain list for each of the lists."""
        dialect = connection.dialect.name
        given = {name: listed(dialect, value) if _is_list(value) else value for name, value in parameters.items()}
        if dialect != "postgresql":
            return connection.execute(self._queries(dialect), given).all()
        prepared = self._prepared()
        return prepared.named(connection, prepared.rows(connection, given))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows. Columns that they do not name take their default."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        prepared = _insert_each_of(table, tuple(rows[0]))
        if prepared is not None:
            prepared.run_each(connection, rows)
        else:
            connection.execute(insert(table), list(rows))
        return
    _insert_of(table, tuple(rows[0])).run(connection, {_ROWS: _json_of([dict(row) for row in rows])})


def update_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    keys: tuple[str, ...],
    common: Row,
    where: ColumnElement[bool] | None = None,
) -> None:
    """Change the rows that bear the `keys` of one of `rows`, if `where` holds: what that one names, and `common`.

    Expressions in `common`, and `where`, are best made once: a statement that has the same ones is not built again.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        computed = tuple((name, value) for name, value in common.items() if isinstance(value, ClauseElement))
        plain = {f"all_{name}": value for name, value in common.items() if not isinstance(value, ClauseElement)}
        statement = _update_of(table, tuple(rows[0]), keys, plain=tuple(plain), computed=computed, where=where)
        statement.run(connection, {_ROWS: _json_of([dict(row) for row in rows]), **plain})
        return
    also = () if where is None else (where,)
    changed = [name for name in rows[0] if name not in keys]
    # A parameter may not bear the name of a column that is changed.
    is_it = and_(*(table.c[key] == bindparam(f"the_{key}") for key in keys))
    new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in changed}
    parameters = [{f"{'the' if name in keys else 'new'}_{name}": row[name] for name in row} for row in rows]
    connection.execute(update(table).where(is_it, *also).values(**new, **common), parameters)


def among(connection: Connection, of: InstrumentedAttribute[str], values: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of `values`, whatever their number.

    For a statement that is built for this call.
    """
    if connection.dialect.name != "postgresql":
        return of.in_(values)
    return _is_in_json(of, literal(_json_of(list(values)), Text))


def is_among(dialect: str, of: InstrumentedAttribute[Any], parameter: str) -> ColumnElement[bool]:
    """Return the condition that a column holds one of the values of a parameter, which `listed` makes.

    For a statement that is built once and executed: SQLite's text follows from the number of values. They may be bytes.
    """
    if dialect != "postgresql":
        return of.in_(bindparam(parameter, expanding=True))
    return _is_in_json(of, bindparam(parameter, type_=Text))


def is_one_of(dialect: str, of: InstrumentedAttribute[str], query: Select[str]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of the values that `query` finds, which is run first, and once."""
    return of == any_(func.array(query.scalar_subquery())) if dialect == "postgresql" else of.in_(query)


def is_in_list(dialect: str, of: InstrumentedAttribute[str], parameter: str) -> ColumnElement[bool]:
    """Return the condition that a column holds one of the values of a parameter, which `json_list` makes.

    For a statement that is `Prepared` on SQLite too: its text is the same for however many values. They are texts
    alone, for SQLite's JSON holds no bytes, which is why `is_among` is not made so.
    """
    text = bindparam(parameter, type_=Text)
    if dialect != "postgresql":
        return of.in_(select(func.json_each(text).table_valued("value").c.value))
    return _is_in_json(of, text)


def json_list(values: Collection[str]) -> str:
    """Return the value of a parameter of `is_in_list`, the same for both databases."""
    return _json_of(list(values))


def listed(dialect: str, values: Collection[Any]) -> str | list[Any]:
    """Return the value of a parameter of `is_among`; `ByList` makes it itself."""
    return _json_of(list(values)) if dialect == "postgresql" else list(values)


@lru_cache(maxsize=_KEPT)
def _insert_of(table: Table, given: tuple[str, ...]) -> Prepared:
    source = _as_table(table, given)
    defaults = {
        each.name: literal(each.default.arg, each.type)
        for each in table.columns
        if each.name not in given and isinstance(each.default, ScalarElementColumnDefault)
    }
    values = select(*(source.c[name] for name in given), *defaults.values())
    return Prepared(insert(table).from_select([*given, *defaults], values))


@lru_cache(maxsize=_KEPT)
def _insert_each_of(table: Table, given: tuple[str, ...]) -> Prepared | None:
    """Return the statement for one row; None if a column that is not given takes a default that is worked out here."""
    if any(each.default is not None and each.name not in given for each in table.columns):
        return None
    return Prepared(insert(table).values({name: bindparam(name, type_=table.c[name].type) for name in given}))


@lru_cache(maxsize=_KEPT)
def _update_of(
    table: Table,
    given: tuple[str, ...],
    keys: tuple[str, ...],
    *,
    plain: tuple[str, ...],
    computed: tuple[tuple[str, Any], ...],
    where: ColumnElement[bool] | None,
) -> Prepared:
    source = _as_table(table, given)
    is_it = and_(*(table.c[key] == source.c[key] for key in keys), *(() if where is None else (where,)))
    new = {name: source.c[name] for name in given if name not in keys}
    common = {
        name.removeprefix("all_"): bindparam(name, type_=table.c[name.removeprefix("all_")].type) for name in plain
    }
    return Prepared(update(table).where(is_it).values(**new, **common, **dict(computed)))


def _as_table(table: Table, names: Sequence[str]) -> FromClause:
    columns = [column(name, table.c[name].type) for name in names]
    records = func.json_to_recordset(cast(bindparam(_ROWS, type_=Text), JSON))
    return records.table_valued(*columns, name="given").render_derived(with_types=True)


def _is_in_json(of: InstrumentedAttribute[Any], text: ColumnElement[str]) -> ColumnElement[bool]:
    value: ColumnElement[Any] = func.json_array_elements_text(cast(text, JSON))
    values = select(cast(value, LargeBinary) if isinstance(of.type, LargeBinary) else value)
    return of == any_(func.array(values.scalar_subquery()))


def _json_of(values: Sequence[Any]) -> str:
    return orjson.dumps(values, default=_hex, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


def _is_list(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes)


def _hex(value: Any) -> str:
    """Return what PostgreSQL reads as the value: bytes in its own form, a word of a closed list as its text."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
