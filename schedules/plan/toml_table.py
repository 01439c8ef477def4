"""Typed reading of one TOML table. Every wrong value is refused with file, key, what was expected and what came.

Knows TOML, no clinical word.
"""

import tomllib
from collections.abc import Iterator
from datetime import time
from enum import StrEnum
from typing import NoReturn, TypeVar

from schedules.plan.errors import ProtocolError, describe

FURTHEST = 99_999
LONGEST = 2_000
Word = TypeVar("Word", bound=StrEnum)


def read_toml(raw: bytes, *, file: str) -> "Table":
    """Return the top table of a file. Raises ProtocolError if it is not UTF-8, not TOML, or has a key twice."""
    try:
        return Table(file, "", tomllib.loads(raw.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise ProtocolError(file, "(file)", "text in UTF-8", f"byte {error.start} that is not") from error
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(file, "(file)", "TOML, every key once", str(error)) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, tables a thousand deep
        raise ProtocolError(file, "(file)", "TOML of a usual size", "a number or a depth beyond it") from error


class Table:
    """One table; each key is taken once, and `finish` refuses what nobody took."""

    def __init__(self, file: str, path: str, values: dict[str, object]) -> None:
        self.file = file
        self.path = path
        self._values = dict(values)

    def fail(self, key: str, expected: str, got: str) -> NoReturn:
        """Raise ProtocolError for `key` of this table. A value of the file goes through `describe` first."""
        raise ProtocolError(self.file, self._name(key), expected, got)

    def keys_left(self) -> tuple[str, ...]:
        """Return the keys that nobody took yet."""
        return tuple(self._values)

    def finish(self) -> None:
        """Raise ProtocolError if a key is left that nobody took."""
        for key in self._values:
            self.fail(key, "only keys that are known", "this one")

    def integer(self, key: str) -> int:
        """Return a whole number. Far beyond any day or weight it is refused: no date could be counted with it."""
        value = self._values.pop(key, None)
        if isinstance(value, bool) or not isinstance(value, int):
            self._refuse(key, "a whole number", value)
        if abs(value) > FURTHEST:
            self.fail(key, f"a whole number from -{FURTHEST} to {FURTHEST}", "one beyond")
        return value

    def optional_integer(self, key: str) -> int | None:
        """Return a whole number, or None if the key is absent."""
        return self.integer(key) if key in self._values else None

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        value = self._values.pop(key, None)
        if not isinstance(value, str) or not value.strip():
            self._refuse(key, "a text", value)
        if "\0" in value or len(value) > LONGEST:
            self.fail(key, f"a text of at most {LONGEST} characters without NUL", f"{len(value)} characters")
        return value

    def optional_text(self, key: str) -> str | None:
        """Return a text, or None if the key is absent."""
        return self.text(key) if key in self._values else None

    def clock_time(self, key: str) -> time:
        """Return a local time of day."""
        value = self._values.pop(key, None)
        if not isinstance(value, time):
            self._refuse(key, "a local time such as 09:00:00", value)
        return value

    def word(self, key: str, words: type[Word]) -> Word:
        """Return a member of the closed list `words`."""
        value = self._values.pop(key, None)
        if not isinstance(value, str) or value not in set(words):
            self._refuse(key, "one of " + ", ".join(words), value)
        return words(value)

    def optional_word(self, key: str, words: type[Word]) -> Word | None:
        """Return a member of `words`, or None if the key is absent."""
        return self.word(key, words) if key in self._values else None

    def text_list(self, key: str) -> tuple[str, ...]:
        """Return a list of texts without doubles; empty if the key is absent."""
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self._refuse(key, "a list of texts", value)
        if len(set(value)) != len(value):
            self.fail(key, "each entry once", "the same entry twice")
        return tuple(value)

    def table(self, key: str) -> "Table":
        """Return a table."""
        value = self._values.pop(key, None)
        if not isinstance(value, dict):
            self._refuse(key, "a table", value)
        return Table(self.file, self._name(key), value)

    def optional_table(self, key: str) -> "Table | None":
        """Return a table, or None if the key is absent."""
        return self.table(key) if key in self._values else None

    def tables(self, key: str) -> list["Table"]:
        """Return a list of tables, numbered from 1 in errors; empty if the key is absent."""
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._refuse(key, "a list of tables", value)
        return [Table(self.file, f"{self._name(key)}[{number}]", item) for number, item in enumerate(value, start=1)]

    def named_tables(self) -> Iterator[tuple[str, "Table"]]:
        """Yield every table left in this one with its name, in the file's order."""
        for name in list(self._values):
            yield name, self.table(name)

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _refuse(self, key: str, expected: str, value: object) -> NoReturn:
        self.fail(key, expected, "nothing" if value is None else describe(value))
