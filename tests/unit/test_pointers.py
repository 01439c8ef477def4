"""Where a document says which test proves something, that test is there."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCUMENTS = ("experiments.md", "controls.md")
_POINTER = re.compile(r"`(?P<file>\.\.\.|[a-z0-9_/]+\.py)(?:::(?P<test>[a-z0-9_]+))?`")


def pointers(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield file and test of each pointer; `...` stands for the file named before."""
    last = ""
    for found in _POINTER.finditer(text):
        last = last if found["file"] == "..." else found["file"]
        if last:  # the words that explain the sign come before any file
            yield last, found["test"]


@cache
def _functions(file: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^(?:async )?def (\w+)", file.read_text("utf-8"), re.MULTILINE))


def misled(text: str) -> list[str]:
    """Return the pointers of a document that lead nowhere."""
    return [
        f"{file}::{test}"
        for file, test in pointers(text)
        if not (TESTS / file).is_file() or (test is not None and test not in _functions(TESTS / file))
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_test_that_a_document_names_is_there(name: str) -> None:
    text = (TESTS.parent / "docs" / name).read_text("utf-8")

    assert misled(text) == []
    assert len(list(pointers(text))) > 40


def test_a_pointer_that_leads_nowhere_is_found() -> None:
    text = "`unit/test_pointers.py::test_a_pointer_that_leads_nowhere_is_found`, `...::test_gone`, `unit/test_gone.py`"

    assert misled(text) == ["unit/test_pointers.py::test_gone", "unit/test_gone.py::None"]
