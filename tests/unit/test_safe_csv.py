"""CSV files that the service hands out hold nothing that a spreadsheet would run."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.care.safe_csv import Cell, csv_text, safe_field

STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]


@pytest.mark.parametrize("start", STARTS)
def test_text_that_begins_like_a_formula_is_marked_as_text(start: str) -> None:
    assert safe_field(f"{start}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("blanks", [" ", "\u00a0 ", "\u2003"])
def test_a_formula_after_blanks_is_marked_as_text(blanks: str) -> None:
    assert safe_field(f"{blanks}=1+1") == f"'{blanks}=1+1"


@pytest.mark.parametrize("text", ["", "TLIF", "3-level", "a=b", "O'Brien", "0"])
def test_other_text_stands_as_it_is(text: str) -> None:
    assert safe_field(text) == text


def test_numbers_keep_their_sign_and_dates_are_in_iso_form() -> None:
    row: list[Cell] = [-1.5, -3, Decimal("-0.1"), date(2026, 1, 2), datetime(2026, 1, 2, 8, 30, tzinfo=UTC), None, True]

    told = csv_text(list("abcdefg"), [row])

    assert told == "a,b,c,d,e,f,g\r\n-1.5,-3,-0.1,2026-01-02,2026-01-02T08:30:00+00:00,,True\r\n"


def test_a_header_is_made_safe_too() -> None:
    assert csv_text(["=day"], []) == "'=day\r\n"


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected 2 fields, got 1"):
        csv_text(["a", "b"], [["1"]])


@given(st.lists(st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=3, max_size=3), max_size=8))
def test_any_text_comes_back_from_the_file_and_no_field_is_a_formula(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(["a", "b", "c"], rows), newline="")))[1:]

    assert [[field.removeprefix("'") for field in row] for row in read] == [
        [field.removeprefix("'") for field in row] for row in rows
    ]
    assert not any(field.startswith(tuple(STARTS)) for row in read for field in row)
