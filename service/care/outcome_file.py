"""What is told of groups, as tables for a spreadsheet: curves, events with stays, bands of pain and walking, scores."""

from collections.abc import Iterable, Iterator
from typing import Final

from schedules.plan.important_changes import ImportantChange
from service.care.outcomes import MilestoneOutcome
from service.care.recovery_band import RecoveryBand
from service.care.safe_csv import Cell, csv_text
from service.care.safety_outcomes import SafetyGroup, SafetyOutcome
from service.care.score_outcomes import Improved, ScoreCourse, ScoreOutcome

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
SCORE_COLUMNS: Final = (
    "procedure", "approach_class", "group_size", "measure", "unit", "better", "days_since_surgery", "patients",
    "median", "lower_quartile", "upper_quartile", "important_change", "change_unit", "change_grade", "change_sources",
    "reached_at", "of", "improved", "share", "low_95", "high_95", "as_of", "grade", "note",
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
        count = "not told" if rate.count is None else rate.count
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
            of = "not told" if spread.count is None else spread.count
            yield [*head, group.count, what, unit, None, of, *[None] * 4, *quartiles, *about]


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


def scores_csv(outcome: ScoreOutcome) -> str:
    """Return scores as CSV: a row for each time, then one for each change by which those with both scores are counted.

    Before surgery a change's row has the score at which it is reached. A group that is too small has one row.
    """
    return csv_text(SCORE_COLUMNS, _score_rows(outcome))


def _score_rows(outcome: ScoreOutcome) -> Iterator[list[Cell]]:
    about: list[Cell] = [outcome.as_of, outcome.grade.value, outcome.note.en]
    for group in outcome.groups:
        head: list[Cell] = [outcome.procedure.value, group.approach_class or "none"]
        if group.count is None:
            yield [*head, f"fewer than {outcome.smallest.group}", *[None] * 18, *about]
        for course in group.measures:
            for cells in _course_rows(course):
                yield [*head, group.count, *cells, *about]


def _course_rows(course: ScoreCourse) -> Iterator[list[Cell]]:
    better = "higher" if course.scale.is_higher_better else "lower"
    for each in course.times:
        told = each.spread
        head: list[Cell] = [course.measure.value, course.scale.unit, better, "before" if each.day is None else each.day]
        yield [*head, told.count, *map(_rounded, (told.median, told.low, told.high)), *[None] * 10]
        if each.day is None:
            for line in course.lines:
                yield [*head, *[None] * 4, *_figure(line.figure, course), _rounded(line.reached_at), *[None] * 5]
        for one in each.improved:
            yield [*head, *[None] * 4, *_figure(one.figure, course), None, *_improved(one)]


def _figure(figure: ImportantChange, course: ScoreCourse) -> list[Cell]:
    unit = "percent of baseline" if figure.is_percent else course.scale.unit
    return [figure.amount, unit, figure.grade.value, " ".join(figure.sources) or "none: a rule of thumb"]


def _improved(told: Improved) -> list[Cell]:
    count = "not told" if told.count is None else told.count
    return [told.of, count, *map(_rounded, (told.share, told.low, told.high))]


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, _PLACES)
