"""Writes tables as CSV that a spreadsheet opens without running what stands in a field.

The one writer of CSV files that the service hands out. It knows no table, and no HTTP.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final

Cell = str | bool | int | float | Decimal | date | datetime | None

MEDIA_TYPE: Final = "text/csv; charset=utf-8"

# A spreadsheet takes a field that begins with one of these for a formula (OWASP, "CSV Injection"). The wide forms are
# taken for the narrow ones in some languages.
_STARTS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MARKS_TEXT: Final = "'"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    r"""Return a table as CSV (RFC 4180: fields parted by commas, lines by CR LF), the header first.

    Text that a spreadsheet could take for a formula gets an apostrophe in front. Numbers stand as they are, dates and
    instants in ISO 8601; None is an empty field.

    >>> csv_text(["day", "note"], [[-3, "=1+1"]])
    "day,note\r\n-3,'=1+1\r\n"

    Raises ValueError for a row that is longer or shorter than the header.
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([_field(name) for name in header])
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"Expected {len(header)} fields, got {len(row)}")
        writer.writerow([_field(cell) for cell in row])
    return written.getvalue()


def _field(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, str):
        return safe_field(cell)
    return str(cell)


def safe_field(text: str) -> str:
    """Return text as a field that no spreadsheet runs: what looks like a formula, after blanks too, is marked as text.

    >>> safe_field(" @SUM(A1)")
    "' @SUM(A1)"
    """
    if text.startswith(_STARTS_FORMULA) or text.lstrip().startswith(_STARTS_FORMULA):
        return _MARKS_TEXT + text
    return text


def csv_chunks(header: Sequence[str], batches: Iterable[Sequence[Sequence[Cell]]]) -> Iterator[str]:
    """Yield a table as `csv_text` does, one text for each batch of rows: a whole table is never in memory.

    Raises ValueError for a row that is longer or shorter than the header.
    """
    first_line = csv_text(header, [])
    yield first_line
    for batch in batches:
        yield csv_text(header, batch).removeprefix(first_line)
