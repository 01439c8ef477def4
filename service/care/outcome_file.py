"""A milestone's outcome as a table for a spreadsheet: a row for each point of each curve."""

from collections.abc import Iterator
from typing import Final

from service.care.outcomes import MilestoneOutcome
from service.care.safe_csv import Cell, csv_text

COLUMNS: Final = (
    "procedure", "approach_class", "milestone", "group_size", "days_since_surgery", "at_risk", "share_reached",
    "low_95", "high_95", "as_of", "grade", "note",
)  # fmt: skip
_PLACES: Final = 6


def milestone_csv(outcome: MilestoneOutcome) -> str:
    """Return the curves as CSV. A group that is too small has one row, without a figure."""
    return csv_text(COLUMNS, _rows(outcome))


def _rows(outcome: MilestoneOutcome) -> Iterator[list[Cell]]:
    about: list[Cell] = [outcome.as_of, outcome.grade.value, outcome.note.en]
    for group in outcome.groups:
        head: list[Cell] = [outcome.procedure.value, group.approach_class or "none", outcome.kind.value]
        if group.count is None:
            yield [*head, f"fewer than {outcome.smallest.group}", *[None] * 5, *about]
        for point in group.points:
            figures = (None if each is None else round(each, _PLACES) for each in (point.share, point.low, point.high))
            yield [*head, group.count, point.day, point.at_risk, *figures, *about]
