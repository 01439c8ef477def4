"""What became of each row of a caseload, as a value and as plain JSON. Holds lines and columns, no patient's data."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from service.care.cohort_rows import Notice
from service.errors import Fault


class RowOutcome(StrEnum):
    """What an import did with a row."""

    loaded = "loaded"  # in a dry run: would be
    unchanged = "unchanged"  # stored already, just so
    differs = "differs"  # stored already, otherwise: nothing was changed
    refused = "refused"


@dataclass(frozen=True, slots=True)
class RowReport:
    """One row's outcome. `differing` names the columns in which the stored facts are others.

    `compared_with` is the id of the stored patient whose facts the outcome tells something of, `was_interrupted` says
    that the database failed, not the row. Neither is reported.
    """

    line: int
    outcome: RowOutcome
    faults: tuple[Fault, ...] = ()
    notices: tuple[Notice, ...] = ()
    differing: tuple[str, ...] = ()
    compared_with: str | None = None
    was_interrupted: bool = False


@dataclass(frozen=True, slots=True)
class ImportReport:
    """All rows in the file's order."""

    dry_run: bool
    rows: tuple[RowReport, ...]

    def count(self, outcome: RowOutcome) -> int:
        """Return how many rows had an outcome."""
        return sum(row.outcome is outcome for row in self.rows)

    @property
    def compared_with(self) -> frozenset[str]:
        """Return the ids of the stored patients of whom the report tells something, for the audit trail."""
        return frozenset(row.compared_with for row in self.rows if row.compared_with is not None)

    @property
    def was_interrupted(self) -> bool:
        """Return whether the database failed under a row, so that another import may load it."""
        return any(row.was_interrupted for row in self.rows)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Return every fault of every refused row."""
        return tuple(fault for row in self.rows for fault in row.faults)


def report_body(report: ImportReport) -> dict[str, Any]:
    """Return the report as JSON can tell it: counts first, then each row."""
    notices = Counter(notice.code for row in report.rows for notice in row.notices)
    return {
        "dry_run": report.dry_run,
        "rows": len(report.rows),
        "counts": {outcome.value: report.count(outcome) for outcome in RowOutcome},
        "warnings": dict(sorted(notices.items())),
        "results": [_row_body(row) for row in report.rows],
    }


def _row_body(row: RowReport) -> dict[str, Any]:
    body: dict[str, Any] = {"line": row.line, "outcome": row.outcome.value}
    if row.faults:
        body["errors"] = [
            {"line": fault.line, "column": fault.column, "expected": fault.expected, "got": fault.got}
            for fault in row.faults
        ]
    if row.notices:
        body["warnings"] = [{"code": each.code, "column": each.column, "text": each.text} for each in row.notices]
    if row.differing:
        body["differs"] = list(row.differing)
    return body
