"""Writes values as JavaScript, laid out as people write it: on one line where it fits, else a line for each part."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LONGEST_LINE = 100
_STEP = 2


@dataclass(frozen=True, slots=True)
class Code:
    """An expression as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of `function` with values."""

    function: str
    arguments: tuple["Value", ...]


Value = Code | Call | Mapping[str, "Value"] | Sequence["Value"] | str | int | bool | None


def javascript(value: Value, *, indent: int = 0, before: int = 0) -> str:
    """Return a value as it stands in a line that is indented by `indent` and has `before` characters before it."""
    flat = _flat(value)
    if indent + before + len(flat) < LONGEST_LINE or isinstance(value, Code | str | int | None):
        return flat
    if isinstance(value, Call):
        if len(value.arguments) == 1:
            return f"{value.function}({javascript(value.arguments[0], indent=indent, before=LONGEST_LINE)})"
        return _lines(f"{value.function}(", [("", each) for each in value.arguments], ")", indent)
    if isinstance(value, Mapping):
        return _lines("{", [(f"{name}: ", each) for name, each in value.items()], "}", indent)
    return _lines("[", [("", each) for each in value], "]", indent)


def _lines(start: str, parts: list[tuple[str, Value]], end: str, indent: int) -> str:
    inner = indent + _STEP
    told = (f"{' ' * inner}{key}{javascript(each, indent=inner, before=len(key))},\n" for key, each in parts)
    return f"{start}\n{''.join(told)}{' ' * indent}{end}"


def _flat(value: Value) -> str:
    if isinstance(value, Code):
        return value.text
    if isinstance(value, Call):
        return f"{value.function}({', '.join(map(_flat, value.arguments))})"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name}: {_flat(each)}' for name, each in value.items())} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_flat, value))}]"
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)
