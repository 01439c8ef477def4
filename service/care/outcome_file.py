"""What is told of groups, as tables for a spreadsheet: curves, events with stays, and the bands of pain and walking."""

from collections.abc import Iterable, Iterator
from typing import Final

from service.care.outcomes import MilestoneOutcome
from service.care.recovery_band import RecoveryBand
from service.care.safe_csv import Cell, csv_text
from service.care.safety_outcomes import SafetyGroup, SafetyOutcome

COLUMNS: Final = (
    "procedure", "approach_class", "milestone", "group_size", "days_since_surgery", "at_risk", "share_reached",
    "low_95", "high_95", "as_of", "grade", "note",
)  # fmt: skip
SAFETY_COLUMNS: Final = (
    "procedure", "approach_class", "group_size", "what", "unit", "within_days", "of", "count", "share", "low_95",
    "high_95", "median", "lower_quartile", "upper_quartile", "as_of", "grade", "note",
)  # fmt: skip
BAND_COLUMNS: Final = (
    "procedure", "approach_class", "courses", "what", "unit", "first_day_of_week", "courses_of_week", "lower_quartile",
    "median", "upper_quartile", "as_of", "grade", "note",
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
            figures = [_rounded(each) for each in (point.share, point.low, point.high)]
            yield [*head, group.count, point.day, point.at_risk, *figures, *about]


def safety_csv(outcome: SafetyOutcome) -> str:
    """Return events, nights and blood loss as CSV. A group that is too small has one row, without a figure."""
    return csv_text(SAFETY_COLUMNS, (row for group in outcome.groups for row in _safety_rows(outcome, group)))


def _safety_rows(outcome: SafetyOutcome, group: SafetyGroup) -> Iterator[list[Cell]]:
    head: list[Cell] = [outcome.procedure.value, group.approach_class or "none"]
    about: list[Cell] = [outcome.as_of, outcome.grade.value, outcome.note.en]
    if group.count is None:
        yield [*head, f"fewer than {outcome.smallest.group}", *[None] * 11, *about]
        return
    for rate in group.rates:
        count = f"fewer than {outcome.smallest.cell}" if rate.count is None else rate.count
        figures = [_rounded(each) for each in (rate.share, rate.low, rate.high)]
        yield [
            *head,
            group.count,
            rate.kind.value,
            "surgeries",
            rate.days,
            rate.of,
            count,
            *figures,
            *[None] * 3,
            *about,
        ]
    for what, unit, spread in (("nights", "nights", group.nights), ("blood_loss", "ml", group.blood_loss_ml)):
        if spread is not None:
            quartiles = [_rounded(each) for each in (spread.median, spread.low, spread.high)]
            yield [*head, group.count, what, unit, None, spread.count, *[None] * 4, *quartiles, *about]


def bands_csv(bands: Iterable[RecoveryBand]) -> str:
    """Return the weeks of pain and walking as CSV: a row for each week that enough told of."""
    return csv_text(BAND_COLUMNS, (row for band in bands for row in _band_rows(band)))


def _band_rows(band: RecoveryBand) -> Iterator[list[Cell]]:
    head: list[Cell] = [band.procedure.value, band.approach_class or "none", band.courses]
    about: list[Cell] = [band.as_of, band.grade.value, band.note.en]
    for what, unit, weeks in (("pain", "0 to 10", band.pain), ("walking", "minutes a day", band.walking)):
        for week in weeks:
            told = week.spread
            quartiles = [_rounded(each) for each in (told.low, told.median, told.high)]
            yield [*head, what, unit, week.first_day, told.count, *quartiles, *about]


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, _PLACES)
