"""What the text of each cell of a caseload means: one strict parser a column. Pure.

A refused cell is told with what was expected and what came. Codes, numbers and dates are repeated; of names and
contacts only type and length.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from schedules.plan.errors import describe
from schedules.plan.vocabulary import Approach, Channel, Language, Procedure, Setting, SurgeryStatus, WorkClass
from service.care.checks import is_email_address, is_phone_number, is_storable, time_zones
from service.errors import describe_private

LONGEST_CELL = 200
LONGEST_CODE = 64  # of an MRN or an episode's label, as their columns hold it
LONGEST_EMAIL = 254  # RFC 5321
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATELIKE = re.compile(r"[0-9./: T-]{1,30}")
_YES_NO = {"yes": True, "no": False}

Parse = Callable[[str], Any]


class CellError(Exception):
    """A cell is refused."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(expected, got)
        self.expected = expected
        self.got = got


def parse_cell(column: str, text: str) -> Any:
    """Return the value of a cell. Raises CellError."""
    longest = LONGEST_EMAIL if column == "email" else LONGEST_CELL
    if len(text) > longest:
        raise CellError(f"at most {longest} characters", describe_private(text))
    if not is_storable(text):
        raise CellError("text in UTF-8 without NUL", f"{describe_private(text)}, not all of them such")
    return _PARSERS[column](text)


def _name(text: str) -> str:
    """Return a name as it came: what looks like a formula is a name here, and made harmless where it is exported."""
    if not text.strip():
        raise CellError("a name", "nothing")
    return text


def _code(text: str) -> str:
    odd = any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text)
    if not text or len(text) > LONGEST_CODE or text != text.strip() or odd:
        expected = f"1 to {LONGEST_CODE} characters on one line without spaces at the ends"
        raise CellError(expected, describe_private(text) if text else "nothing")
    return text


def _day(text: str) -> date:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        # What is not even like a date may be a name from a shifted column.
        got = text if _DATELIKE.fullmatch(text) else describe_private(text)
        raise CellError("a date of the calendar as YYYY-MM-DD", got if text else "nothing") from None


def _word(vocabulary: type[StrEnum]) -> Parse:
    def parse(text: str) -> StrEnum:
        if text not in list(vocabulary):
            raise CellError("one of " + ", ".join(vocabulary), describe(text) if text else "nothing")
        return vocabulary(text)

    return parse


def _words(vocabulary: type[StrEnum]) -> Parse:
    parse_word = _word(vocabulary)

    def parse(text: str) -> tuple[StrEnum, ...]:
        words = tuple(parse_word(part) for part in text.split(";")) if text else ()
        if len(set(words)) != len(words):
            raise CellError("each word once", ";".join(words))
        return words

    return parse


def _optional(parse_present: Parse) -> Parse:
    return lambda text: parse_present(text) if text else None


def _yes_or_no(text: str) -> bool:
    if text not in _YES_NO:
        raise CellError("yes or no", describe(text) if text else "nothing")
    return _YES_NO[text]


def _zone(text: str) -> str:
    if text not in time_zones():
        raise CellError("an IANA zone such as America/New_York", describe(text) if text else "nothing")
    return text


def _email(text: str) -> str:
    if not is_email_address(text):
        raise CellError("an e-mail address", describe_private(text))
    return text


def _phone(text: str) -> str:
    if not is_phone_number(text):
        raise CellError("a phone number in E.164 such as +16175550123", describe_private(text))
    return text


def _levels(text: str) -> tuple[str, ...]:
    """Return the levels unchecked: which ones there are depends on the procedure."""
    return tuple(text.split(";")) if text else ()


_PARSERS: Mapping[str, Parse] = {
    "mrn": _code,
    "given_name": _name,
    "family_name": _name,
    "date_of_birth": _day,
    "language": _word(Language),
    "time_zone": _zone,
    "email": _optional(_email),
    "phone": _optional(_phone),
    "channels": _words(Channel),
    "episode": _code,
    "procedure": _word(Procedure),
    "approach": _word(Approach),
    "levels": _levels,
    "surgery_date": _optional(_day),
    "status": _word(SurgeryStatus),
    "setting": _optional(_word(Setting)),
    "work_class": _optional(_word(WorkClass)),
    "workers_comp": _yes_or_no,
    "low_bone_density": _optional(_yes_or_no),
}
