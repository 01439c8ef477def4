"""The text of a protocol as TOML: rewritten for another id and version, and written anew from values.

Writing anew keeps the comment at the top and the layout of the files that ship; other comments are lost. Knows no
clinical word.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import time
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_FIRST_TABLE = re.compile(r"^\[", re.MULTILINE)


def rename(toml: str, *, protocol_id: str, version: int) -> str:
    """Return the text with another id and version at its top, every other line as it was."""
    first = _FIRST_TABLE.search(toml)
    end = first.start() if first else len(toml)
    head = toml[:end]
    for key, value in (("id", write_value(protocol_id)), ("version", write_value(version))):
        line = f"{key} = {value}".replace("\\", r"\\")
        head = re.sub(rf"^{key}[ \t]*=.*$", line, head, count=1, flags=re.MULTILINE)
    renamed = head + toml[end:]
    values = tomllib.loads(toml)
    if tomllib.loads(renamed) == values | {"id": protocol_id, "version": version}:
        return renamed
    return write_toml(values | {"id": protocol_id, "version": version}, comment=top_comment(toml))


def top_comment(toml: str) -> str:
    """Return the lines of comment with which the text begins."""
    lines = []
    for line in toml.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line)
    return "\n".join(lines)


def write_toml(values: Mapping[str, Any], *, comment: str = "") -> str:
    """Return values as TOML: a section for each table, one line for each of its entries.

    Takes texts, whole numbers, truth values, local times, lists and tables. Raises TypeError for anything else.
    """
    plain = [f"{_key(name)} = {write_value(value)}" for name, value in values.items() if not isinstance(value, dict)]
    sections = [_section((name,), value) for name, value in values.items() if isinstance(value, dict)]
    parts = [comment, "\n".join(plain), *(section for section in sections if section)]
    return "\n\n".join(part for part in parts if part).replace("\n\n", "\n", 1 if comment else 0) + "\n"


def write_value(value: object) -> str:
    """Return one value as TOML on one line, a list of tables with a line for each. Raises TypeError."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return _list(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(name)} = {write_value(each)}" for name, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    raise TypeError(f"expected a value of TOML, got {type(value).__name__}")


def _section(path: tuple[str, ...], table: Mapping[str, Any]) -> str:
    """Return a table as a section; tables of tables, as texts are, become sections of their own."""
    nested = {name: each for name, each in table.items() if _is_nested(each)}
    lines = [f"{_key(name)} = {write_value(each)}" for name, each in table.items() if name not in nested]
    own = ["\n".join((f"[{'.'.join(map(_key, path))}]", *lines))] if lines or not nested else []
    return "\n\n".join((*own, *(_section((*path, name), each) for name, each in nested.items())))


def _is_nested(value: object) -> bool:
    return isinstance(value, dict) and any(isinstance(each, dict) for each in value.values())


def _list(values: list[Any] | tuple[Any, ...]) -> str:
    written = [write_value(each) for each in values]
    if any(isinstance(each, Mapping) for each in values):
        return "[\n" + "".join(f"  {each},\n" for each in written) + "]"
    return "[" + ", ".join(written) + "]"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else write_value(name)
