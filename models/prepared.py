"""Statements that are compiled once and then run as text: those that every request or every row of a kind runs.

For each run of any other one, SQLAlchemy works out which compiled statement it needs, what its parameters become and
what its rows are, which takes several times as long as SQLite's answer. These go through its connection all the same,
so that an engine's events, errors and lost connections are as ever. Parameters are turned by their types as always;
rows are the driver's own, whose values no type has turned.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError, MultipleResultsFound
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.selectable import CompoundSelect, SelectBase

Row = tuple[Any, ...]
Statement = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | Insert | Update | Delete


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The text for one database; the values that stand in it already; what makes others the driver's.

    `places`: the order of the parameters; None: the driver takes them by name. `names` and `read` are of its columns.
    """

    text: str
    constants: Mapping[str, Any]
    turning: tuple[tuple[str, Callable[[Any], Any]], ...]
    places: tuple[str, ...] | None
    names: Any  # a class of named tuples
    read: tuple[tuple[int, Callable[[Any], Any]], ...]

    def bound(self, given: Mapping[str, Any]) -> Any:
        values = {**self.constants, **given}
        for name, turned in self.turning:
            values[name] = turned(values[name])
        return values if self.places is None else tuple([values[name] for name in self.places])

    def named(self, row: Row) -> Any:
        values = list(row)
        for place, turned in self.read:
            values[place] = turned(values[place])
        return self.names(*values)


class Prepared:
    """One statement. Its parameters are bound by name, and all of them at every run."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> None:
        """Run it for what it does."""
        compiled = self._on(connection.dialect)
        _ran(connection, compiled.text, compiled.bound(parameters)).close()

    def run_each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each of some sets of parameters."""
        if len(rows) == 1:
            self.run(connection, rows[0])
            return
        compiled = self._on(connection.dialect)
        connection.exec_driver_sql(compiled.text, [compiled.bound(row) for row in rows]).close()

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> list[Row]:
        """Return its rows, as the driver gives them."""
        compiled = self._on(connection.dialect)
        return _rows_in(connection, _ran(connection, compiled.text, compiled.bound(parameters)))

    def named(self, connection: Connection, rows: Iterable[Row]) -> list[Any]:
        """Return rows of its own, as the driver gave them, by names and with values of its columns' types."""
        compiled = self._on(connection.dialect)
        return [compiled.named(row) for row in rows]

    def reader(self, connection: Connection, name: str) -> Callable[[Any], Any]:
        """Return what makes the driver's value in a column, if it is not None, one of the column's type."""
        compiled = self._on(connection.dialect)
        place = compiled.names._fields.index(name)
        return dict(compiled.read).get(place, _as_it_is)

    def found(self, connection: Connection, parameters: Mapping[str, Any]) -> Any | None:
        """Return its only row, by names and with values of its columns' types; None if there is none.

        Raises MultipleResultsFound if there are more.
        """
        rows, compiled = self.rows(connection, parameters), self._on(connection.dialect)
        if len(rows) > 1:
            raise MultipleResultsFound
        return compiled.named(rows[0]) if rows else None

    def _on(self, dialect: Dialect) -> _Compiled:
        """Return what it is for a database. Two threads that ask first do the same work, and either's may stand."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self.statement, dialect)
        return compiled


def _as_it_is(value: Any) -> Any:
    return value


def run_text(connection: Connection, text: str) -> None:
    """Run a text without parameters for what it does."""
    _ran(connection, text, ()).close()


def driver_rows(connection: Connection, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a statement whose text follows from its parameters, as the driver gives them."""
    cursor = connection.execute(statement, parameters).cursor
    assert cursor is not None  # noqa: S101 - it returns rows
    return _rows_in(connection, cursor)


def _ran(connection: Connection, text: str, bound: Any) -> DBAPICursor:
    """Return a cursor that has run a statement."""
    driven = connection.connection.dbapi_connection
    assert driven is not None  # noqa: S101 - it is only of a connection that was given back
    cursor = driven.cursor()
    for listener in connection.engine.dispatch.before_cursor_execute:  # a connection's own takes longer than SQLite
        text, bound = listener(connection, cursor, text, bound, None, False)
    try:
        cursor.execute(text, bound)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _refused(connection, cursor, error) from error
    return cursor


def _rows_in(connection: Connection, cursor: DBAPICursor) -> list[Row]:
    try:
        return cast("list[Row]", cursor.fetchall())
    except connection.dialect.loaded_dbapi.Error as error:
        raise _refused(connection, cursor, error) from error
    finally:
        cursor.close()


def _refused(connection: Connection, cursor: DBAPICursor, error: Any) -> DBAPIError:
    """Return a driver's error as SQLAlchemy's. A connection that is lost is given up, as there."""
    dialect = connection.dialect
    is_lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, cursor)
    if is_lost:
        connection.invalidate(error)
    base = dialect.loaded_dbapi.Error
    refused: DBAPIError = DBAPIError.instance(None, None, error, base, connection_invalidated=is_lost, dialect=dialect)
    return refused


def _compile(statement: Statement, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - no statement here is of another kind
    turning = []
    for parameter, name in compiled.bind_names.items():
        turn = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if turn is not None:
            turning.append((name, turn))
    places = tuple(compiled.positiontup) if compiled.positional and compiled.positiontup is not None else None
    columns = statement.selected_columns if isinstance(statement, SelectBase) else ()
    read = [(place, _result_processor(each, dialect)) for place, each in enumerate(columns)]
    return _Compiled(
        text=str(compiled),
        constants=compiled.params,
        turning=tuple(turning),
        places=places,
        names=namedtuple("Found", [str(each.key) for each in columns], rename=True),
        read=tuple((place, turned) for place, turned in read if turned is not None),
    )


def _result_processor(column: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    turn: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return turn
