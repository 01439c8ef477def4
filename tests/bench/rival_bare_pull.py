"""The least that can answer a pull: a WSGI function that runs the very statements of ours and encodes the same JSON.

Its statements are those that the product was heard to run for the same request: sign-in, cursor, reads and audit entry,
each transaction begun and ended as there. No framework, no ORM, no statement built, no check: text, rows, a dict each,
and what makes a driver's values those of the wire, by the product's own functions.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, event

from models.data_keys import ID_BYTES, Keys, load_keys
from models.ids import new_id
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION, Collection
from tests.bench.wsgi import StartResponse

Statement = tuple[str, Any]
_Columns = tuple[list[str], list[tuple[str, Callable[[Any], Any]]], list[tuple[str, Callable[..., Any]]]]
LEARNT: Final = 3  # pulls of the product, before it is listened to: statements are prepared by then, keys loaded
_PREFIX: Final = "w_"  # of the columns of a collection in what the product selects
_ID: Final = 3  # the place of the id, before them


@contextlib.contextmanager
def heard(engine: Engine) -> Iterator[list[Statement]]:
    """Yield what an engine runs while the context lasts; a transaction's end is a statement too."""
    said: list[Statement] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        said.append((statement, parameters))

    def committed(_connection: Connection) -> None:
        said.append(("COMMIT", None))

    def rolled_back(_connection: Connection) -> None:
        said.append(("ROLLBACK", None))

    listeners = (("before_cursor_execute", note), ("commit", committed), ("rollback", rolled_back))
    for name, listener in listeners:
        event.listen(engine, name, listener)
    try:
        yield said
    finally:
        for name, listener in listeners:
            event.remove(engine, name, listener)


class BarePull:
    """The application. It answers every request as the one was answered of which the statements were heard."""

    def __init__(self, engine: Engine, practice_id: str, said: list[Statement], answer: bytes) -> None:
        self._pooled = engine.raw_connection()
        self._connection: Any = self._pooled.driver_connection
        self._practice_id = practice_id
        self._driver = engine.dialect.name
        told = orjson.loads(answer)
        self._empty = {name: lists for name, lists in told["changes"].items() if not lists["updated"]}
        self._names = [name for name, lists in told["changes"].items() if lists["updated"]]
        self._timestamp = told["timestamp"]
        self._said = [(text, given, _reads_rows(text)) for text, given in said]
        self._columns = {name: self._columns_of(COLLECTIONS[name]) for name in self._names}
        self._entry = _entry_of(said)

    def __call__(self, _environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        cursor, entry, changes = self._connection.cursor(), new_id(datetime.now(UTC)), dict(self._empty)
        names = iter(self._names)
        for text, given, is_read in self._said:
            if text == "COMMIT":
                self._connection.commit()
            elif text == "ROLLBACK":
                self._connection.rollback()
            else:
                if text.startswith("BEGIN") and self._connection.in_transaction:
                    self._connection.rollback()  # which the product tells the driver beneath what is heard
                cursor.execute(text, self._with_own_entry(given, entry) if text.startswith("INSERT") else given)
                if is_read:
                    name = next(names)
                    changes[name] = {"created": [], "updated": self._documents(name, cursor.fetchall()), "deleted": []}
                elif text.startswith("SELECT"):
                    cursor.fetchall()
        body = orjson.dumps({"changes": changes, "timestamp": self._timestamp})
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def close(self) -> None:
        """Give the connection back."""
        self._pooled.close()

    def _documents(self, name: str, rows: list[Any]) -> list[dict[str, Any]]:
        names, decoders, sealed = self._columns[name]
        keys = self._keys_of(rows, [names.index(column) for column, _ in sealed])
        documents = []
        for row in rows:
            document = dict(zip(names, row[_ID:], strict=True))
            for column, decode in decoders:
                if document[column] is not None:
                    document[column] = decode(document[column])
            for column, opened in sealed:
                if document[column] is not None:
                    document[column] = opened(document[column], keys, practice_id=self._practice_id, row_id=row[_ID])
            documents.append(document)
        return documents

    def _keys_of(self, rows: list[Any], places: list[int]) -> Keys:
        """Return the keys, which this process keeps since it sealed the values."""
        values = [bytes(row[_ID + place]) for row in rows for place in places if row[_ID + place] is not None]
        return load_keys(None, self._practice_id, {value[1 : 1 + ID_BYTES] for value in values})

    def _columns_of(self, collection: Collection) -> _Columns:
        columns = collection.columns_of(SCHEMA_VERSION)
        plain = ((column.name, column.decoder(self._driver)) for column in columns if not column.opened)
        sealed = [(column.name, column.opened) for column in columns if column.opened]
        decoders = [(name, decode) for name, decode in plain if decode is not None]
        return ["id", *(column.name for column in columns)], decoders, sealed

    def _with_own_entry(self, given: Any, entry: str) -> Any:
        """Return the parameters with another id for the audit entry, which a table holds once."""
        if isinstance(given, dict):
            return {name: value.replace(self._entry, entry) for name, value in given.items()}
        return tuple(entry if value == self._entry else value for value in given)


def _reads_rows(text: str) -> bool:
    """Return whether a statement reads a collection. The one that asks which have changes names their columns too."""
    return f"AS {_PREFIX}" in text and not text.startswith("SELECT EXISTS")


def _entry_of(said: list[Statement]) -> str:
    """Return the id of the audit entry that was heard."""
    (given,) = (given for text, given in said if text.startswith("INSERT INTO audit_subject"))
    return str(orjson.loads(given["given_rows"])[0]["entry_id"] if isinstance(given, dict) else given[1])
