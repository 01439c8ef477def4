"""The columns of synced rows as they go over the wire: text, numbers, booleans and null, the same for every client.

An instant is milliseconds since 1970 (UTC), a day and a wall time are text, a list or an object is its JSON as text:
what every client's storage can hold.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import JSON, Boolean, Column, Date, Enum, Integer, String, Time
from sqlalchemy.types import TypeEngine

from models.base import UtcDateTime

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - SQLite stores instants in UTC and forgets the zone
_MILLISECOND: Final = timedelta(milliseconds=1)
_MOST_MS: Final = 253_402_300_799_999  # the last millisecond of the year 9999
_NO_DOCUMENT: Final = "null"  # what stands for None in a column of JSON


class Kind(StrEnum):
    """What a column holds."""

    text = "text"
    word = "word"  # text of a closed list
    number = "number"
    flag = "flag"
    day = "day"
    wall_time = "wall_time"
    instant = "instant"
    document = "document"


_KINDS: Final[tuple[tuple[type[TypeEngine[Any]], Kind], ...]] = (
    (UtcDateTime, Kind.instant),
    (Enum, Kind.word),
    (JSON, Kind.document),
    (Boolean, Kind.flag),
    (Integer, Kind.number),
    (Date, Kind.day),
    (Time, Kind.wall_time),
    (String, Kind.text),
)


@dataclass(frozen=True, slots=True)
class WireColumn:
    """One column. `since` is the first schema version that has it; `opened` opens a private one."""

    name: str
    kind: Kind
    optional: bool
    since: int
    stored: Column[Any]
    opened: Callable[..., str | None] | None = None

    def decoder(self, driver: str) -> Callable[[Any], Any] | None:
        """Return what makes a value of a database's driver that is not null one of the wire; None if it is one."""
        return (_OF_TEXT if driver == "sqlite" else _OF_OBJECTS).get(self.kind)

    def to_wire(self, value: Any) -> Any:
        """Return a stored value, unsealed, as it goes over the wire."""
        return None if value is None else _TO_WIRE[self.kind](value)

    def from_wire(self, value: Any) -> Any:
        """Return what a wire value means, in the JSON form that request bodies have.

        Raises ValueError for a value of another type.
        """
        return None if value is None else _FROM_WIRE[self.kind](value)

    def settled(self, value: Any) -> Any:
        """Return a wire value in the form that equal values share: of a document, keys in order and no spaces.

        What is no document, or one that is nested too deep to be written, stays as it came.
        """
        if self.kind is not Kind.document or not isinstance(value, str):
            return value
        try:
            return _document_text(orjson.loads(value))
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return value

    @property
    def blank(self) -> Any:
        """Return what stands in the column of a row that the device may no longer see."""
        if self.optional:
            return None
        return {Kind.number: 0, Kind.instant: 0, Kind.flag: False}.get(self.kind, "")


def kind_of(stored: Column[Any]) -> Kind:
    """Return what a stored column is on the wire."""
    return next(kind for type_, kind in _KINDS if isinstance(stored.type, type_))


def milliseconds(instant: datetime) -> int:
    """Return an instant as the wire has it."""
    return (instant - _EPOCH) // _MILLISECOND


def text_of_columns(columns: Mapping[str, Any]) -> str:
    """Return columns as they are kept: JSON with whatever numbers a device sent, which not every library writes."""
    return json.dumps(dict(columns), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def columns_of_text(text: str | None) -> dict[str, Any]:
    """Return the columns of a kept text."""
    columns: dict[str, Any] = json.loads(text or "{}")
    return columns


def _instant_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_MS:
        raise ValueError("expected milliseconds since 1970")
    return (_EPOCH + int(value) * _MILLISECOND).isoformat().replace("+00:00", "Z")


def _flag(value: Any) -> bool:
    if value not in (0, 1):  # SQLite on a phone has no booleans
        raise ValueError("expected true or false")
    return bool(value)


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError("expected a whole number")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def _document(value: Any) -> Any:
    try:
        return orjson.loads(_text(value))
    except orjson.JSONDecodeError:
        raise ValueError("expected JSON as text") from None


def _day(value: date) -> str:
    return value.isoformat()


def _wall_time(value: time) -> str:
    return value.strftime("%H:%M")


def _document_text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _hours_and_minutes(stored: str) -> str:
    return stored[:5]


def _milliseconds_of(stored: str) -> int:
    return (datetime.fromisoformat(stored) - _NAIVE_EPOCH) // _MILLISECOND


def _settled_document(stored: str) -> str | None:
    return None if stored == _NO_DOCUMENT else orjson.dumps(orjson.loads(stored), option=orjson.OPT_SORT_KEYS).decode()


_TO_WIRE: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.text: str,
    Kind.word: str,
    Kind.number: int,
    Kind.flag: bool,
    Kind.day: _day,
    Kind.wall_time: _wall_time,
    Kind.instant: milliseconds,
    Kind.document: _document_text,
}
# What the drivers give: SQLite's knows numbers and text, of which a day's is that of the wire.
_OF_TEXT: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.flag: bool,
    Kind.wall_time: _hours_and_minutes,
    Kind.instant: _milliseconds_of,
    Kind.document: _settled_document,
}
_OF_OBJECTS: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.day: _day,
    Kind.wall_time: _wall_time,
    Kind.instant: milliseconds,
    Kind.document: _document_text,
}
_FROM_WIRE: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.text: _text,
    Kind.word: _text,
    Kind.number: _number,
    Kind.flag: _flag,
    Kind.day: _text,
    Kind.wall_time: _text,
    Kind.instant: _instant_text,
    Kind.document: _document,
}
