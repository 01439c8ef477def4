"""Fields of request bodies and queries: exact types, one sentence of what is expected, and what may be repeated.

`expected` of a field is its description in the document and its answer to a bad value. A `private` field's value is
never repeated in an error; of the others, codes, numbers and dates are.
"""

import re
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validate

ID_PATTERN = r"[A-Za-z0-9_-][A-Za-z0-9_.:|~@=+-]{0,63}"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _told(expected: str, *, private: bool = False, **more: Any) -> dict[str, Any]:
    return {"description": expected[:1].upper() + expected[1:] + ".", "expected": expected, "private": private, **more}


class WholeText(validate.Regexp):
    """The whole text has the pattern: `$` alone would let a line break follow."""

    def __call__(self, value: Any) -> Any:
        """Return `value`. Raises ValidationError."""
        if re.fullmatch(str(self.regex.pattern), value) is None:
            raise ValidationError("pattern")
        return value


class Id(fields.String):
    """An id that whoever made the row chose: formats of UUID, ULID, WatermelonDB and RxDB fit."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("validate", WholeText(f"^{ID_PATTERN}$"))
        super().__init__(
            metadata=_told("an id of 1 to 64 letters, digits and _ - . : | ~ @ = +", private=True), **options
        )


class Text(fields.String):
    """Private text: a name, a contact, a note."""

    def __init__(self, longest: int, expected: str, **options: Any) -> None:
        told = _told(f"{expected}, 1 to {longest} characters", private=True, pattern=r"\S")
        super().__init__(validate=validate.Length(min=1, max=longest), metadata=told, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if not text.strip():
            raise ValidationError("blank")
        return text


class Word(fields.Enum[StrEnum]):
    """One of a vocabulary's words."""

    def __init__(self, vocabulary: type[StrEnum], **options: Any) -> None:
        expected = "one of " + ", ".join(vocabulary)
        super().__init__(vocabulary, by_value=True, metadata=_told(expected, type="string"), **options)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return None if value is None else str(value)


class Whole(fields.Integer):
    """A whole number within bounds; no text, no truth value."""

    def __init__(self, lowest: int, highest: int, unit: str, **options: Any) -> None:
        told = _told(f"a whole number from {lowest} to {highest} ({unit})")
        super().__init__(strict=True, validate=validate.Range(lowest, highest), metadata=told, **options)


class Amount(fields.Float):
    """A number within bounds; no text, no truth value."""

    def __init__(self, lowest: float, highest: float, unit: str, **options: Any) -> None:
        told = _told(f"a number from {lowest:g} to {highest:g} ({unit})")
        super().__init__(validate=validate.Range(lowest, highest), metadata=told, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("number")
        return float(value)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value


class QueryWhole(fields.Integer):
    """A whole number in a query: plain digits within bounds."""

    def __init__(self, lowest: int, highest: int, **options: Any) -> None:
        told = _told(f"a whole number from {lowest} to {highest}")
        super().__init__(validate=validate.Range(lowest, highest), metadata=told, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if not re.fullmatch("[0-9]{1,9}", str(value)):
            raise ValidationError("digits")
        return int(value)


class Flag(fields.Boolean):
    """True or false, nothing that looks like them."""

    def __init__(self, expected: str = "true or false", **options: Any) -> None:
        super().__init__(metadata=_told(expected), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("boolean")
        return value


class CivilDate(fields.Date):
    """A calendar date, year-month-day."""

    def __init__(self, expected: str = "a date such as 2026-03-02", **options: Any) -> None:
        super().__init__(metadata=_told(expected), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> date:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise ValidationError("date")
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError("date") from None


class WallTime(fields.Time):
    """A wall time of hours and minutes."""

    def __init__(self, expected: str = "a wall time such as 21:30", **options: Any) -> None:
        super().__init__(metadata=_told(expected, pattern=f"^{_TIME.pattern}$"), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> time:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValidationError("time")
        return time.fromisoformat(value)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else value.strftime("%H:%M")


class Instant(fields.AwareDateTime):
    """An instant with its offset from UTC; answered in UTC."""

    def __init__(self, expected: str = "an instant such as 2026-03-02T15:00:00Z", **options: Any) -> None:
        super().__init__(metadata=_told(f"{expected}, from 1900 to 2199"), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            raise ValidationError("instant")
        try:
            instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("instant") from None
        if not EARLIEST <= instant < LATEST:
            raise ValidationError("instant")
        return instant

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Spoken(fields.Dict):
    """A message of WebAuthn in its JSON form, which browsers and their libraries read and write."""

    def __init__(self, expected: str, **options: Any) -> None:
        super().__init__(keys=fields.String(), metadata=_told(expected, private=True), **options)
