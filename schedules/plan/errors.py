"""Refusals of the plan engine. Says what was expected and what came; knows no status code and no patient."""

import re
from datetime import date, time

_CODE = re.compile(r"[A-Za-z0-9_.+:/-]{0,40}")


def describe(value: object) -> str:
    """Return `value` for an error text: codes, numbers and dates as they are, any other text as type and length."""
    if isinstance(value, str):
        return repr(str(value)) if _CODE.fullmatch(value) else f"text of {len(value)} characters"
    if value is None or isinstance(value, bool | int | float | date | time):
        return str(value)
    return type(value).__name__


class PlanError(Exception):
    """A plan cannot be made from what came.

    `where` names the argument or key, `expected` the rule, `got` what broke it. `got` holds codes, numbers, dates or
    lengths, never a name or a free text.
    """

    def __init__(self, where: str, expected: str, got: str) -> None:
        super().__init__(where, expected, got)
        self.where = where
        self.expected = expected
        self.got = got

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, got {self.got}"


class ProtocolError(PlanError):
    """A protocol file is refused: which file, which key, what was expected and what came."""

    def __init__(self, file: str, key: str, expected: str, got: str) -> None:
        super().__init__(f"{file}: {key}", expected, got)
        self.args = (file, key, expected, got)
        self.file = file
        self.key = key
