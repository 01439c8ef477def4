"""Protocols written as TOML read back as what they were."""

import tomllib
from datetime import time

import pytest

from schedules.plan.library import load_library
from service.care.toml_text import rename, write_toml, write_value

FILES = list(load_library().files.values())


@pytest.mark.parametrize("toml", FILES, ids=[f"{name}@{version}" for name, version in load_library().files])
def test_every_protocol_that_ships_is_written_and_read_back_as_it_was(toml: str) -> None:
    values = tomllib.loads(toml)

    assert tomllib.loads(write_toml(values)) == values


def test_a_renamed_protocol_keeps_every_other_line_and_comment() -> None:
    toml = load_library().files["MD-MISS", 1]

    renamed = rename(toml, protocol_id="hudson-disc", version=3)

    changed = [(old, new) for old, new in zip(toml.splitlines(), renamed.splitlines(), strict=True) if old != new]
    assert changed == [('id = "MD-MISS"', 'id = "hudson-disc"'), ("version = 1", "version = 3")]


def test_an_id_that_is_not_on_a_line_of_its_own_is_renamed_too() -> None:
    toml = '# Ours\n"id" = "a"\ntitle = """\nid = 5\n"""\nversion = 1\n'

    renamed = rename(toml, protocol_id="b", version=2)

    assert tomllib.loads(renamed) == {"id": "b", "title": "id = 5\n", "version": 2}
    assert renamed.startswith("# Ours\n")


@pytest.mark.parametrize(
    "value",
    [
        'a "quoted" text',
        "two\nlines",
        "¿Puede?",
        "back\\slash",
        "\x7f\x1f",
        time(9, 30),
        [1, 2],
        [],
        {"a": {"b": "c"}},
        {},
    ],
)
def test_any_value_of_toml_reads_back(value: object) -> None:
    assert tomllib.loads(f"it = {write_value(value)}") == {"it": value}


def test_what_toml_has_no_word_for_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        write_value({"a": None})
