"""Where the curves of a milestone's outcome stand: share reached by day, with its band. Pure: places only, no words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schedules.plan.vocabulary import ApproachClass
from service.care.outcomes import Group, MilestoneOutcome, Point

WIDTH: Final = 640
HEIGHT: Final = 292
LEFT: Final = 48
RIGHT: Final = 560  # names of the curves stand right of it
_TOP: Final = 12
BOTTOM: Final = 252
_LEAST_LAST: Final = 42
_MOST_LAST: Final = 730
_STRIDES: Final = ((56, 7), (120, 14), (200, 28), (400, 60), (_MOST_LAST, 90))
_LEVELS: Final = (0, 25, 50, 75, 100)
_NAME_ROOM: Final = 16


@dataclass(frozen=True, slots=True)
class Curve:
    """One group: its line of steps, the outline of its band, and where its name stands."""

    approach_class: ApproachClass | None
    path: str
    band: str
    name_y: float


@dataclass(frozen=True, slots=True)
class Picture:
    """All curves on one axis of days from 0 to `last`; levels in percent."""

    last: int
    curves: tuple[Curve, ...]
    levels: tuple[tuple[int, float], ...]
    days: tuple[tuple[int, float], ...]


def draw_outcome(outcome: MilestoneOutcome) -> Picture | None:
    """Return the curves of the groups that are shown; None if none is."""
    shown = [group for group in outcome.groups if group.points]
    if not shown:
        return None
    last = min(max(_LEAST_LAST, *(group.points[-1].day for group in shown)), _MOST_LAST)
    stride = next(stride for until, stride in _STRIDES if last <= until)
    return Picture(
        last=last,
        curves=tuple(_curves(shown, last)),
        levels=tuple((level, _y(level / 100)) for level in _LEVELS),
        days=tuple((day, _x(day, last)) for day in range(0, last + 1, stride)),
    )


def _curves(groups: Sequence[Group], last: int) -> list[Curve]:
    """Return the curves; names that would lie on one another are moved apart."""
    drawn: list[Curve] = []
    for group in sorted(groups, key=lambda group: group.points[-1].share, reverse=True):
        points = [point for point in group.points if point.day <= last]
        y = _y(points[-1].share if points else 0) + 4
        if drawn:
            y = max(y, drawn[-1].name_y + _NAME_ROOM)
        drawn.append(Curve(group.approach_class, _steps(points, last), _band(points, last), y))
    return drawn


def _steps(points: Sequence[Point], last: int) -> str:
    path = f"M{_x(0, last)} {_y(0)}"
    for point in points:
        path += f" H{_x(point.day, last)} V{_y(point.share)}"
    return path


def _band(points: Sequence[Point], last: int) -> str:
    """Return the outline of the limits as a path: above from left to right, below back; '' where there are none."""
    limits = [(_x(point.day, last), point.low, point.high) for point in points]
    known = [(x, low, high) for x, low, high in limits if low is not None and high is not None]
    if not known:
        return ""
    upper = f"M{known[0][0]} {_y(known[0][2])}" + "".join(f" H{x} V{_y(high)}" for x, _, high in known[1:])
    lower = f" V{_y(known[-1][1])}" + "".join(
        f" V{_y(low)} H{x}" for (x, _, _), (_, low, _) in reversed(list(zip(known[1:], known[:-1], strict=True)))
    )
    return f"{upper}{lower} H{known[0][0]} Z"


def _x(day: int, last: int) -> float:
    return round(LEFT + (RIGHT - LEFT) * day / last, 1)


def _y(share: float) -> float:
    return round(BOTTOM - (BOTTOM - _TOP) * share, 1)
