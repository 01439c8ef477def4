"""Where scores after a procedure stand: a picture and a table of each measure, classes side by side. Pure, no words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from schedules.plan.important_changes import ImportantChange
from schedules.plan.scores import Measure, Scale
from schedules.plan.vocabulary import ApproachClass
from service.care.score_outcomes import ScoreCourse, ScoreGroup, ScoreOutcome, ScoreTime
from service.dashboard.curves import BOTTOM, LEFT, RIGHT

WIDTH: Final = 760  # what names the lines stands right of them
_TOP: Final = 16
_LABEL_ROOM: Final = 14
_APART: Final = 8  # from class to class at one time
_INSET: Final = 40
_LEVELS: Final = 4


@dataclass(frozen=True, slots=True)
class Label:
    """What stands right of a line: the class, and for the line of a change its figure."""

    approach_class: ApproachClass | None
    figure: ImportantChange | None
    y: float


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """One class: the line of medians, a bar of the middle half at each time, and a level for each change."""

    approach_class: ApproachClass | None
    course: ScoreCourse
    path: str
    bars: tuple[tuple[float, float, float, float], ...]  # x, and y of the lower quartile, the median and the upper one
    changes: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MeasurePicture:
    """A measure: its curves on one axis of times, which stand side by side, and the same as rows of a table."""

    measure: Measure
    scale: Scale
    curves: tuple[ScoreCurve, ...]
    labels: tuple[Label, ...]
    levels: tuple[tuple[float, float], ...]
    times: tuple[tuple[int | None, float], ...]
    rows: tuple[tuple[int | None, tuple[ScoreTime | None, ...]], ...]


def draw_scores(outcome: ScoreOutcome) -> list[MeasurePicture]:
    """Return a picture for each measure of which some class is shown."""
    pictures = []
    for measure in Measure:
        shown = [(group, course) for group in outcome.groups for course in group.measures if course.measure is measure]
        if shown:
            pictures.append(_draw(measure, shown))
    return pictures


def _draw(measure: Measure, shown: Sequence[tuple[ScoreGroup, ScoreCourse]]) -> MeasurePicture:
    scale = shown[0][1].scale
    days = sorted({each.day for _, course in shown for each in course.times}, key=_order)
    step = (RIGHT - LEFT - 2 * _INSET) / max(1, len(days) - 1)
    places = {day: round(LEFT + _INSET + step * index, 1) for index, day in enumerate(days)}
    curves = tuple(_curve(group, course, places, index) for index, (group, course) in enumerate(shown))
    found = [{each.day: each for each in course.times} for _, course in shown]
    stride = (scale.highest - scale.lowest) / _LEVELS
    levels = [scale.lowest + stride * index for index in range(_LEVELS + 1)]
    return MeasurePicture(
        measure=measure,
        scale=scale,
        curves=curves,
        labels=_apart([label for curve in curves for label in _labels(curve)]),
        levels=tuple((level, _y(level, scale)) for level in levels),
        times=tuple(places.items()),
        rows=tuple((day, tuple(each.get(day) for each in found)) for day in days),
    )


def _order(day: int | None) -> tuple[bool, int]:
    return day is not None, day or 0


def _curve(group: ScoreGroup, course: ScoreCourse, places: dict[int | None, float], index: int) -> ScoreCurve:
    scale = course.scale
    bars = []
    for each in course.times:
        told = each.spread
        levels = (_y(told.low, scale), _y(told.median, scale), _y(told.high, scale))
        bars.append((round(places[each.day] + _APART * index, 1), *levels))
    return ScoreCurve(
        approach_class=group.approach_class,
        course=course,
        path="M" + " L".join(f"{x} {y}" for x, _, y, _ in bars),
        bars=tuple(bars),
        changes=tuple(_y(each.reached_at, scale) for each in course.lines if each.reached_at is not None),
    )


def _labels(curve: ScoreCurve) -> list[Label]:
    reached = [(each.figure, each.reached_at) for each in curve.course.lines if each.reached_at is not None]
    named = Label(curve.approach_class, None, curve.bars[-1][2])
    scale = curve.course.scale
    return [named, *(Label(curve.approach_class, figure, _y(at, scale)) for figure, at in reached)]


def _apart(labels: Sequence[Label]) -> tuple[Label, ...]:
    """Return labels from above to below, moved so that none lies on another, nor below the picture."""
    placed = sorted(labels, key=lambda each: each.y)
    for index, each in enumerate(placed[1:], 1):
        placed[index] = replace(each, y=max(each.y, placed[index - 1].y + _LABEL_ROOM))
    limit: float = BOTTOM
    for index in reversed(range(len(placed))):
        placed[index] = replace(placed[index], y=round(min(placed[index].y, limit), 1))
        limit = placed[index].y - _LABEL_ROOM
    return tuple(placed)


def _y(value: float, scale: Scale) -> float:
    share = (value - scale.lowest) / (scale.highest - scale.lowest)
    return round(BOTTOM - (BOTTOM - _TOP) * share, 1)
