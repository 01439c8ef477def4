"""How scores of a group run over the days on which they were asked for, from before surgery on.

Median and quartiles, for scores pile up at the ends of their scales, where a mean with its limits would promise a
symmetry that is not there. Each course of care counts once at each time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from schedules.outcomes.proportions import Spread, spread


class Scored(NamedTuple):
    """A course's score of one measure. `day`: days from surgery on which it was asked for; None: before surgery."""

    course: str
    day: int | None
    value: float


@dataclass(frozen=True, slots=True)
class TimePoint:
    """The spread of a group at one time. `pairs`: before surgery and now, of each course that has both scores."""

    day: int | None
    spread: Spread
    pairs: tuple[tuple[float, float], ...]


def trajectory(scores: Iterable[Scored], *, smallest: int) -> tuple[TimePoint, ...]:
    """Return the times at which at least `smallest` courses have a score, in order. Of several, the last one counts.

    >>> (before, later) = trajectory([Scored("a", None, 50), Scored("a", 42, 30), Scored("b", 42, 20)], smallest=1)
    >>> (before.spread.median, later.spread.median, later.pairs)
    (50, 25.0, ((50, 30),))
    """
    told: dict[int | None, dict[str, float]] = {}
    for score in scores:
        told.setdefault(score.day, {})[score.course] = score.value
    before = told.get(None, {})
    points = []
    for day in sorted(told, key=lambda each: (each is not None, each or 0)):
        values = told[day]
        found = spread(list(values.values()))
        if found is None or found.count < smallest:
            continue
        pairs = () if day is None else tuple((before[each], now) for each, now in values.items() if each in before)
        points.append(TimePoint(day, found, pairs))
    return tuple(points)
