"""From which day to which each exercise of an episode is asked about, as far as it is known now: what a phone shows.

By the rules that say it of one day. Knows no clock, so that what is told changes with the facts alone.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from schedules.plan.exercises import EXERCISES, Exercise
from schedules.plan.items import Plan, PlannedRestriction
from schedules.plan.lifted import Cleared, StandingClearances
from schedules.plan.limit_rows import limit_row_on
from schedules.plan.protocol import WorkDemands

_DAY = timedelta(days=1)
_NO_TABLE = WorkDemands((), ())  # of work, which no exercise hangs on


@dataclass(frozen=True, slots=True)
class Window:
    """Days from the first through the last, without one where only a clinician ends it."""

    from_on: date
    through_on: date | None


@dataclass(frozen=True, slots=True)
class ExerciseFacts:
    """What the windows of an episode follow from.

    `restrictions` are those of the plan, `clearances` all that were given, `day0s` the days of surgery by stage,
    `reached` the first day on which a milestone of a kind was reached.
    """

    restrictions: tuple[PlannedRestriction, ...]
    clearances: tuple[Cleared, ...]
    day0s: Mapping[int, date | None]
    reached: Mapping[str, date]


def exercises_told(facts: ExerciseFacts) -> list[dict[str, Any]]:
    """Return the exercises that are asked about at some time, in their order, each with its windows, as JSON has it."""
    windows = ((each, windows_of(each, facts)) for each in EXERCISES)
    return [_told(exercise, days) for exercise, days in windows if days]


def windows_of(exercise: Exercise, facts: ExerciseFacts) -> tuple[Window, ...]:
    """Return when an exercise is asked about: windows with days between them, the earliest first."""
    rows = [each for each in facts.restrictions if each.kind is exercise.limit]
    windows = [window for row in rows for window in _held(row, facts)]
    if exercise.after is not None and exercise.after in facts.reached:
        windows.append(Window(facts.reached[exercise.after], None))
    return _joined(windows)


def _held(row: PlannedRestriction, facts: ExerciseFacts) -> Iterator[Window]:
    """Yield the days on which a limit holds. Between two days on which a clearance begins or ends nothing changes."""
    if row.from_on is None:
        return
    turns = {row.from_on}.union(*({each.cleared_on, each.revoked_on or each.cleared_on} for each in facts.clearances))
    starts = sorted(on for on in turns if on >= row.from_on and (row.through_on is None or on <= row.through_on))
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        if _holds(row, start, facts):
            yield Window(start, row.through_on if following is None else following - _DAY)


def _holds(row: PlannedRestriction, on: date, facts: ExerciseFacts) -> bool:
    standing = StandingClearances(Plan((), facts.restrictions), facts.clearances, on=on, day0s=facts.day0s)
    return limit_row_on(row, on, clearances=standing, work=_NO_TABLE, kinds={}, barred={}).active


def _joined(windows: Collection[Window]) -> tuple[Window, ...]:
    joined: list[Window] = []
    for each in sorted(windows, key=lambda window: window.from_on):
        if joined and (joined[-1].through_on is None or each.from_on - _DAY <= joined[-1].through_on):
            joined[-1] = Window(joined[-1].from_on, _later(joined[-1].through_on, each.through_on))
        else:
            joined.append(each)
    return tuple(joined)


def _later(one: date | None, other: date | None) -> date | None:
    return None if one is None or other is None else max(one, other)


def _told(exercise: Exercise, windows: Iterable[Window]) -> dict[str, Any]:
    days = [{"from_on": each.from_on.isoformat(), "through_on": _iso(each.through_on)} for each in windows]
    return {
        "key": exercise.key,
        "phase": exercise.phase.value,
        "text": exercise.text.by_language(),
        "grade": exercise.grade.value,
        "sources": list(exercise.sources),
        "windows": days,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
