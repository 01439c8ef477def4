"""A protocol's TOML is changed where it must be, and stays as it was everywhere else."""

import tomllib

import pytest

from schedules.plan.library import load_library
from service.care.toml_text import rename, write_over

FILES = load_library().files


@pytest.mark.parametrize("toml", FILES.values(), ids=[f"{name}@{version}" for name, version in FILES])
def test_every_protocol_that_ships_is_written_over_itself_without_a_change(toml: str) -> None:
    assert write_over(toml, tomllib.loads(toml)) == toml


def test_a_renamed_protocol_keeps_every_other_line_and_comment() -> None:
    toml = FILES["MD-MISS", 1]

    renamed = rename(toml, protocol_id="hudson-disc", version=3)

    changed = [(old, new) for old, new in zip(toml.splitlines(), renamed.splitlines(), strict=True) if old != new]
    assert changed == [('id = "MD-MISS"', 'id = "hudson-disc"'), ("version = 1", "version = 3")]


def test_an_id_that_is_not_on_a_line_of_its_own_is_renamed_too() -> None:
    toml = '# Ours\n"id" = "a"\ntitle = """\nid = 5\n"""\nversion = 1\n'

    renamed = rename(toml, protocol_id="b", version=2)

    assert tomllib.loads(renamed) == {"id": "b", "title": "id = 5\n", "version": 2}
    assert renamed.startswith("# Ours\n")


def test_one_changed_figure_changes_one_line() -> None:
    toml = FILES["MD-MISS", 1]
    values = tomllib.loads(toml)
    values["milestones"]["drive"]["target"] = 10

    written = write_over(toml, values)

    changed = [new for old, new in zip(toml.splitlines(), written.splitlines(), strict=True) if old != new]
    assert len(changed) == 1
    assert changed[0].startswith("drive")
    assert tomllib.loads(written) == values


def test_what_is_taken_out_goes_and_what_is_new_comes() -> None:
    toml = "# Top\na = 1 # one\n\n[table] # kept\nb = 2\nc = 3\n"

    written = write_over(toml, {"a": 1, "table": {"c": 3, "d": {"en": "¿Puede?", "es": 'a "quoted" \\ text'}}})

    assert written.startswith("# Top\na = 1 # one\n\n[table] # kept\nc = 3\n")
    assert tomllib.loads(written)["table"] == {"c": 3, "d": {"en": "¿Puede?", "es": 'a "quoted" \\ text'}}


def test_a_table_in_two_places_counts_by_its_values() -> None:
    toml = "[a.b]\nc = 1\n\n[d]\ne = 2\n\n[a.f]\ng = 3\n"
    values = {"a": {"b": {"c": 9}, "f": {"g": 3}, "h": {"i": 4}}, "d": {"e": 2}}

    assert tomllib.loads(write_over(toml, values)) == values
