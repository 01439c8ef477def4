"""A caseload file as rows of text: encoding, header, physical lines. Knows the columns' names, not what they mean.

A row that cannot be read is refused alone: reading goes on with the next line.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from service.errors import Fault, InvalidError, describe_private

COLUMNS = (
    "mrn",
    "given_name",
    "family_name",
    "date_of_birth",
    "language",
    "time_zone",
    "email",
    "phone",
    "channels",
    "episode",
    "procedure",
    "approach",
    "levels",
    "surgery_date",
    "status",
    "setting",
    "work_class",
    "workers_comp",
    "low_bone_density",
)
MOST_ROWS = 50_000
LONGEST_ROW_LINES = 20  # a stray quote would take in the rest of the file
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class CohortFileError(InvalidError):
    """The file as a whole cannot be read: not UTF-8, no header, wrong columns, too many rows."""

    code, title = "unreadable_caseload", "The caseload file cannot be read."


@dataclass(frozen=True, slots=True)
class TextRow:
    """A row's cells by column. `line` is the physical line on which it starts; the file begins at line 1."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that does not have the cells that the header promises."""

    line: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class _Record:
    """One CSV record as it stands. Without cells it is not CSV."""

    line: int
    cells: tuple[str, ...] | None


def read_rows(content: bytes) -> tuple[TextRow | BrokenRow, ...]:
    """Return the file's rows in its order; empty ones are left out.

    A byte that is not UTF-8 stays in its cell as a lone surrogate, so that only that row is refused later.
    Raises CohortFileError.
    """
    records = _records(_decode(content))
    header = next(records, None)
    if header is None or header.cells is None:
        raise CohortFileError(_file_fault("a header row with the columns of a caseload", "none"))
    columns = _check_header(header.line, header.cells)
    rows = tuple(_row(record, columns) for record in records)
    if len(rows) > MOST_ROWS:
        raise CohortFileError(_file_fault(f"at most {MOST_ROWS} rows", str(len(rows))))
    return rows


def row_fault(line: int, column: str | None, expected: str, got: str) -> Fault:
    """Return a fault of one row. Without a column it is the row as a whole."""
    return Fault(pointer="", expected=expected, got=got, line=line, column=column)


def _file_fault(expected: str, got: str, column: str | None = None, line: int = 1) -> Fault:
    return row_fault(line, column, expected, got)


def _decode(content: bytes) -> str:
    if content.startswith(_UTF16_MARKS):
        raise CohortFileError(_file_fault("text in UTF-8", "text in UTF-16"))
    return content.decode("utf-8-sig", errors="surrogateescape")


def _records(text: str) -> Iterator[_Record]:
    """Yield each record that is not empty, with the physical line it starts on."""
    lines = list(io.StringIO(text, newline=""))
    index = 0
    while index < len(lines):
        reader = csv.reader(lines[index : index + LONGEST_ROW_LINES], strict=True)
        try:
            cells = next(reader, [])
        except csv.Error:
            yield _Record(index + 1, None)
            index += 1
        else:
            if any(cells):
                yield _Record(index + 1, tuple(cells))
            index += max(reader.line_num, 1)


def _check_header(line: int, header: tuple[str, ...]) -> tuple[str, ...]:
    """Return the header if it names every column once and no other. Raises CohortFileError with every fault."""
    if not set(header) & set(COLUMNS):
        # A file without a header begins with a patient: nothing of it is repeated.
        raise CohortFileError(
            _file_fault("a header row with the columns " + ",".join(COLUMNS), f"{len(header)} other cells", line=line)
        )
    faults = [_file_fault("this column", "none", name, line) for name in COLUMNS if name not in header]
    faults += [
        _file_fault("this column once", f"{header.count(name)} of it", name, line)
        for name in COLUMNS
        if header.count(name) > 1
    ]
    faults += [
        _file_fault("only columns of a caseload", f"column {place}: {describe_private(name)}", None, line)
        for place, name in enumerate(header, 1)
        if name not in COLUMNS
    ]
    if faults:
        raise CohortFileError(*faults)
    return header


def _row(record: _Record, columns: tuple[str, ...]) -> TextRow | BrokenRow:
    if record.cells is None:
        fault = row_fault(record.line, None, "cells parted by commas, quotes closed and doubled within", "other quotes")
        return BrokenRow(record.line, fault)
    if len(record.cells) != len(columns):
        # The first column that is missing is where a person looks first.
        column = columns[len(record.cells)] if len(record.cells) < len(columns) else None
        fault = row_fault(record.line, column, f"{len(columns)} cells in the row", f"{len(record.cells)} cells")
        return BrokenRow(record.line, fault)
    return TextRow(record.line, dict(zip(columns, record.cells, strict=True)))
