"""JSON as strictly as its standard: what two parsers could read in two ways is refused.

Refused are: another encoding than UTF-8, a byte order mark, duplicate keys, NaN and infinities, numbers beyond a
double, integers of thousands of digits, deep nesting, a top level that is no object, and text that not every database
can store (NUL, lone surrogates).
"""

import json
import math
import re
from typing import Any, NoReturn

from service.care.checks import is_storable
from service.errors import BadRequestError, Fault, InvalidError

MOST_NESTING = 32
MOST_DIGITS = 400  # more than any finite double has
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_PLAIN_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`.

    Raises BadRequestError for what is not strict JSON or no object, InvalidError for text that cannot be stored.
    """
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise _bad("a JSON object", _kind(value))
    faults = [Fault(pointer, "text without NUL and lone surrogates", told) for pointer, told in _unstorable(value, "")]
    if faults:
        raise InvalidError(*faults)
    return value


def parse_json(raw: bytes) -> Any:
    """Return the JSON value in `raw`, which may hold text that not every database can store.

    Raises BadRequestError for what is not strict JSON.
    """
    _refuse_deep_nesting(raw)
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except UnicodeDecodeError:
        raise _bad("JSON in UTF-8", "other bytes") from None
    except (ValueError, RecursionError):
        raise _bad("JSON", f"{len(raw)} bytes that are not") from None


def key_pointer(parent: str, key: object) -> str:
    """Return the pointer to a member. A key that does not look like a field's name could be anything: its parent."""
    text = str(key)
    return f"{parent}/{text}" if isinstance(key, int) or _PLAIN_KEY.fullmatch(text) else parent


def _bad(expected: str, got: str) -> BadRequestError:
    return BadRequestError(Fault("", expected, got))


def _kind(value: object) -> str:
    names = {str: "a string", list: "an array", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _refuse_deep_nesting(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= MOST_NESTING:
        return
    depth = 0
    for match in _TOKENS.finditer(raw):
        token = match.group()
        depth += (token in (b"[", b"{")) - (token in (b"]", b"}"))
        if depth > MOST_NESTING:
            raise _bad(f"at most {MOST_NESTING} levels of nesting", "more")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _bad("each key once", "a key twice")
    return members


def _refuse_constant(_: str) -> NoReturn:
    raise _bad("a number", "NaN or an infinity")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _bad("a number within the range of a double", "a larger one")
    return value


def _bounded(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise _bad(f"an integer of at most {MOST_DIGITS} digits", f"one of {len(text)}")
    return int(text)


def _unstorable(value: object, pointer: str) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [] if is_storable(value) else [(pointer, f"text of {len(value)} characters")]
    if isinstance(value, dict):
        inner = [found for key, each in value.items() for found in _unstorable(each, key_pointer(pointer, key))]
        return inner + [(pointer, "a key with them") for key in value if not is_storable(key)]
    if isinstance(value, list):
        return [found for index, each in enumerate(value) for found in _unstorable(each, f"{pointer}/{index}")]
    return []
