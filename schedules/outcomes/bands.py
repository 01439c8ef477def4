"""How values of a group are spread over the weeks after surgery: the band in which the middle half lies.

Each course of care counts once a week, by the mean of what it told in that week, so that who reports often weighs no
more than who does not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Final, NamedTuple

from schedules.outcomes.proportions import Spread, spread

DAYS: Final = 7


class Reading(NamedTuple):
    """What a course told on a day from day 0 on."""

    course: str
    day: int
    value: float


@dataclass(frozen=True, slots=True)
class Week:
    """The spread of a group in one week, from `first_day` on. `spread.count` are courses."""

    first_day: int
    spread: Spread


def weekly_band(readings: Iterable[Reading], *, smallest: int) -> tuple[Week, ...]:
    """Return the weeks in which at least `smallest` courses told something, in order.

    >>> weekly_band([Reading("a", 1, 6), Reading("a", 3, 4), Reading("b", 2, 3), Reading("b", 9, 1)], smallest=2)
    (Week(first_day=0, spread=Spread(count=2, low=3.5, median=4.0, high=4.5)),)
    """
    told: dict[int, dict[str, list[float]]] = {}
    for reading in readings:
        told.setdefault(reading.day // DAYS, {}).setdefault(reading.course, []).append(reading.value)
    weeks = []
    for week, courses in sorted(told.items()):
        found = spread([fmean(values) for values in courses.values()])
        if found is not None and found.count >= smallest:
            weeks.append(Week(week * DAYS, found))
    return tuple(weeks)
