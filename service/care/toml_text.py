"""The TOML of a protocol, rewritten so that comments and layout stay where nothing changes. Knows no clinical word."""

import tomllib
from collections.abc import Mapping, MutableMapping
from typing import Any

import tomlkit


def rename(toml: str, *, protocol_id: str, version: int) -> str:
    """Return the text with another id and version at its top, every other line as it was."""
    return write_over(toml, tomllib.loads(toml) | {"id": protocol_id, "version": version})


def write_over(toml: str, values: Mapping[str, Any]) -> str:
    """Return the text changed into one that reads as `values`. A list that changes is written anew as a whole."""
    document = tomlkit.parse(toml)
    _write_table(document, values)
    written = tomlkit.dumps(document)
    # Some layouts, such as one table in two places, cannot be changed in place: then the values count, not the layout.
    return written if tomllib.loads(written) == values else tomlkit.dumps(values)


def _write_table(table: MutableMapping[str, Any], values: Mapping[str, Any]) -> None:
    for name in [name for name in table if name not in values]:
        del table[name]
    for name, value in values.items():
        stored = table.get(name)
        if isinstance(stored, MutableMapping) and isinstance(value, Mapping):
            _write_table(stored, value)
        elif stored != value or name not in table:
            table[name] = value
