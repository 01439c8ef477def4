"""Where everything of a plan stands on one axis of days from the first surgery. Pure: places only, no words, no colour.

The axis is linear to day 42 and compressed after it; the break is drawn. What has no day yet stands by its offsets.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from schedules.plan.vocabulary import MilestoneKind, MilestoneState, Phase, RestrictionKind
from service.care.plan_view import MilestoneView, PlanView, RestrictionView, StageView

WIDTH: Final = 1120
LEFT: Final = 236  # names stand left of it
RIGHT: Final = 1104
ROW: Final = 24
TOP: Final = 56  # flags of the stages, and the days
LINEAR_UNTIL: Final = 42
_LINEAR_SHARE: Final = 0.64
_BEFORE: Final = 2
_LEAST_LAST: Final = 90
_NOTE: Final = 150  # the room for whose turn it is
_GAP: Final = 8
_WAITS: Final = (MilestoneState.due, MilestoneState.overdue, MilestoneState.eligible)
_TICKS: Final = (0, 7, 14, 21, 28, 42, 90, 180, 365, 730)


@dataclass(frozen=True, slots=True)
class Axis:
    """The days from `first` to `last`, counted from the first surgery."""

    first: int
    last: int

    def x(self, day: float) -> float:
        """Return the place of a day, kept within the picture.

        >>> [Axis(0, 365).x(day) for day in (0, 42, 365, 900)]
        [236.0, 791.5, 1104.0, 1104.0]
        """
        day = min(max(day, self.first), self.last)
        if day <= LINEAR_UNTIL:
            share = _LINEAR_SHARE * (day - self.first) / (LINEAR_UNTIL - self.first)
        else:
            beyond = math.log(day / LINEAR_UNTIL) / math.log(self.last / LINEAR_UNTIL)
            share = _LINEAR_SHARE + (1 - _LINEAR_SHARE) * beyond
        return round(LEFT + share * (RIGHT - LEFT), 1)

    @property
    def ticks(self) -> list[tuple[int, float]]:
        """Return the days that are written under the axis, with their places."""
        return [(day, self.x(day)) for day in _TICKS if self.first <= day <= self.last]


@dataclass(frozen=True, slots=True)
class Bar:
    """One span of a limit, with its pounds or minutes.

    `width` is what holds for sure, from `x` on: to the last day, to the day on which it was cleared (`cleared`), or to
    the earliest on which a clinician may clear it (`earliest`). `open_width`, after that, holds until one does.
    """

    x: float
    width: float
    open_width: float
    amount: int | None
    is_minutes: bool
    earliest: float | None
    cleared: float | None


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A kind of limit and its spans."""

    kind: RestrictionKind
    y: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class ItemLine:
    """A milestone. Places are None where it has none; `waits` says that it is somebody's turn now."""

    view: MilestoneView
    y: int
    earliest: float | None
    width: float
    target: float | None
    achieved: float | None
    cleared: float | None

    @property
    def waits(self) -> bool:
        """Return whether somebody could do something about it now."""
        return self.view.state in _WAITS

    @property
    def note(self) -> tuple[float, str] | None:
        """Return where it stands whose turn it is, and on which side of that place; None without a window."""
        if self.earliest is None:
            return None
        ends = self.earliest + self.width
        return (ends + _GAP, "start") if ends + _NOTE <= RIGHT else (self.earliest - _GAP, "end")


@dataclass(frozen=True, slots=True)
class Flag:
    """The day of a surgery."""

    stage: StageView
    x: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """A plan as it is drawn. `today`: its place, None before the axis begins or without a day of surgery."""

    axis: Axis
    height: int
    flags: tuple[Flag, ...]
    limits: tuple[LimitLine, ...]
    items: tuple[ItemLine, ...]
    today: float | None


def draw_plan(plan: PlanView) -> Timeline:
    """Return where everything of a plan that still stands is drawn."""
    dates = [each.surgery.surgery_on for each in plan.surgeries if each.surgery.surgery_on is not None]
    day0 = min(dates, default=None)
    items = [each for each in plan.milestones if each.state is not MilestoneState.cancelled and _is_shown(each)]
    days = [
        day for each in items for day in (_days(each.row.latest_on, each.row.latest_days, day0),) if day is not None
    ]
    axis = Axis(-_BEFORE, max([_LEAST_LAST, *days]))
    limits = _limit_lines(plan.restrictions, axis, day0)
    first_item = TOP + ROW * (len(limits) + (1 if limits else 0))
    lines = tuple(_item_line(each, axis, day0, first_item + ROW * index) for index, each in enumerate(items))
    today = None if day0 is None else (plan.as_of - day0).days
    flags = [Flag(each, axis.x(_days(each.surgery.surgery_on, 0, day0) or 0)) for each in plan.surgeries]
    return Timeline(
        axis=axis,
        height=first_item + ROW * len(lines) + 8,
        flags=tuple(flags),
        limits=limits,
        items=lines,
        today=axis.x(today) if today is not None and today >= axis.first else None,
    )


def _is_shown(view: MilestoneView) -> bool:
    """Return whether an item has a place: what a patient is asked day after day is nothing to reach."""
    row = view.row
    has_days = (row.earliest_days, row.target_days) != (None, None)
    return row.phase is Phase.after_surgery and has_days and row.kind != MilestoneKind.check_in


def _days(on: date | None, offset: int | None, day0: date | None) -> int | None:
    return offset if on is None or day0 is None else (on - day0).days


def _item_line(view: MilestoneView, axis: Axis, day0: date | None, y: int) -> ItemLine:
    row = view.row
    earliest = _days(row.earliest_on, row.earliest_days, day0)
    latest = _days(row.latest_on, row.latest_days, day0)
    target = _days(row.target_on, row.target_days, day0)
    begins = None if earliest is None else axis.x(earliest)
    ends = axis.last if latest is None else latest
    return ItemLine(
        view=view,
        y=y,
        earliest=begins,
        width=0 if begins is None else max(3, round(axis.x(ends) - begins, 1)),
        target=None if target is None else axis.x(target),
        achieved=_fact(view.achieved_on, axis, day0),
        cleared=_fact(view.cleared_on, axis, day0),
    )


def _fact(on: date | None, axis: Axis, day0: date | None) -> float | None:
    return None if on is None or day0 is None else axis.x((on - day0).days)


def _limit_lines(restrictions: Sequence[RestrictionView], axis: Axis, day0: date | None) -> tuple[LimitLine, ...]:
    standing = [each for each in restrictions if each.row.cancelled_at is None]
    kinds = [kind for kind in RestrictionKind if any(each.row.kind == kind for each in standing)]
    return tuple(
        LimitLine(kind, TOP + ROW * index, tuple(_bars((e for e in standing if e.row.kind == kind), axis, day0)))
        for index, kind in enumerate(kinds)
    )


def _bars(restrictions: Iterable[RestrictionView], axis: Axis, day0: date | None) -> Iterable[Bar]:
    for each in restrictions:
        row = each.row
        begins, through = _days(row.from_on, row.from_days, day0), _days(row.through_on, row.through_days, day0)
        if begins is None:
            continue
        x, cleared = axis.x(begins), _cleared(each, axis, day0)
        eligible = None if through is not None else _days(row.eligible_on, row.eligible_days, day0)
        is_open = through is None and cleared is None
        earliest = axis.x(max(eligible, begins)) if is_open and eligible is not None else None
        sure = x if through is None else axis.x(through + 1) - 1
        sure = cleared or earliest or sure
        yield Bar(
            x=x,
            width=max(0 if is_open else 2, round(sure - x, 1)),
            open_width=round(axis.x(axis.last) - sure, 1) if is_open else 0,
            amount=row.limit_lb if row.limit_minutes is None else row.limit_minutes,
            is_minutes=row.limit_minutes is not None,
            earliest=earliest,
            cleared=cleared,
        )


def _cleared(limit: RestrictionView, axis: Axis, day0: date | None) -> float | None:
    """Return the place of the day on which a clinician, or a signed rule, ended a limit; None if nobody did."""
    return _fact(limit.cleared_on, axis, day0)
