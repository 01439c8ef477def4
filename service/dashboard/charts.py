"""Where the points of a small chart stand: pain and walking by day after surgery. Pure: places only, no words."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from models import CheckIn
from schedules.outcomes.bands import DAYS, Week

WIDTH: Final = 520
HEIGHT: Final = 168
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 508, 12, 140
_LEAST_DAYS: Final = 14
_MINUTES_STEP: Final = 15
_MOST_PAIN: Final = 10
Place = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Point:
    """One report."""

    x: float
    y: float
    on: date
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Points in the order of their days, and the lines behind them with what is written at each.

    `band` is the outline of what was seen of others, '' for nothing.
    """

    points: tuple[Point, ...]
    levels: tuple[tuple[int, float], ...]
    days: tuple[tuple[int, float], ...]
    band: str = ""

    @property
    def path(self) -> str:
        """Return the line through the points."""
        return " ".join(f"{'L' if index else 'M'}{each.x} {each.y}" for index, each in enumerate(self.points))


def pain_chart(reports: Sequence[CheckIn], day0: date, zone: ZoneInfo, band: Sequence[Week] = ()) -> Chart | None:
    """Return the chart of the worst pain, 0 to 10, by day; None without a report since surgery."""
    return _chart([(_day(each, zone), each.pain) for each in reports], day0, band, most=_MOST_PAIN, step=5)


def walking_chart(reports: Sequence[CheckIn], day0: date, zone: ZoneInfo, band: Sequence[Week] = ()) -> Chart | None:
    """Return the chart of minutes walked by day; None without a report since surgery."""
    told = [(_day(each, zone), each.walking_minutes) for each in reports if each.walking_minutes is not None]
    most = max([minutes for _, minutes in told] + [math.ceil(week.spread.high) for week in band], default=0)
    top = max(2, -(-most // _MINUTES_STEP)) * _MINUTES_STEP
    return _chart(told, day0, band, most=top, step=_MINUTES_STEP if top <= 60 else top // 4)


def _day(report: CheckIn, zone: ZoneInfo) -> date:
    return report.reported_at.astimezone(zone).date()


def _chart(told: Sequence[tuple[date, int]], day0: date, band: Sequence[Week], *, most: int, step: int) -> Chart | None:
    shown = sorted((on, value) for on, value in told if on >= day0)
    if not shown:
        return None
    last = max(_LEAST_DAYS, (shown[-1][0] - day0).days)

    def x(day: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * day / last, 1)

    def y(value: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * value / most, 1)

    stride = 7 if last <= 42 else 30
    return Chart(
        points=tuple(Point(x((on - day0).days), y(value), on, value) for on, value in shown),
        levels=tuple((value, y(value)) for value in range(0, most + 1, step)),
        days=tuple((day, x(day)) for day in range(0, last + 1, stride)),
        band=_band(band, last, x, y),
    )


def _band(weeks: Sequence[Week], last: int, x: Place, y: Place) -> str:
    """Return the outline of the band, a block for each week up to the last day of the axis."""
    blocks = []
    for week in weeks:
        if week.first_day < last:
            left, right = x(week.first_day), x(min(week.first_day + DAYS, last))
            blocks.append(f"M{left} {y(week.spread.high)} H{right} V{y(week.spread.low)} H{left} Z")
    return " ".join(blocks)
