"""How one stored limit stands on a day: whether it holds, with how many pounds, and when it ended.

`limits` says what counts of all limits together; this says it of each row, by the same rules. Knows no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from schedules.plan.days import day_after
from schedules.plan.items import PlannedRestriction
from schedules.plan.kinds import WORK_CLASS_OF
from schedules.plan.lifted import Cleared, StandingClearances, is_at_least, raised_by_work
from schedules.plan.protocol import WorkDemands
from schedules.plan.vocabulary import MilestoneKind, RestrictionKind


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit on a day. `limit_lb` is what holds then, `ended_on` the first day on which it held no more."""

    active: bool
    limit_lb: int | None = None
    ended_on: date | None = None


def limit_row_on(
    row: PlannedRestriction,
    on: date,
    *,
    clearances: StandingClearances,
    work: WorkDemands,
    kinds: Mapping[str, str],
    barred: Mapping[RestrictionKind, date],
) -> LimitRow:
    """Return how `row` stands on the day `on`, for which `clearances` are those that stand.

    `work` is the clinic's table of demand levels, `kinds` the kinds of the plan's milestones by key. Of a kind that is
    `barred` since a day no clearance from before that day counts.
    """
    if row.from_on is None or on < row.from_on:
        return LimitRow(active=False)
    if row.through_on is not None and row.through_on < on:
        return LimitRow(active=False, ended_on=day_after(row.through_on, 1))
    lifted = _lifting(row, clearances, kinds)
    if lifted is not None and lifted.cleared_on < barred.get(row.kind, date.min):
        lifted = None
    raised = raised_by_work(row, clearances, work) if row.kind is RestrictionKind.lifting else None
    freed = raised.by if raised is not None and raised.limit_lb is None else None
    ended = [each.cleared_on for each in (lifted, freed) if each is not None]
    if ended:
        return LimitRow(active=False, ended_on=max(row.from_on, min(ended)))
    return LimitRow(active=True, limit_lb=row.limit_lb if raised is None else raised.limit_lb)


def _lifting(row: PlannedRestriction, clearances: StandingClearances, kinds: Mapping[str, str]) -> Cleared | None:
    if row.kind is not RestrictionKind.work:
        return clearances.lifting(row)
    kind = kinds.get(row.lifted_by or "")
    own = None if kind is None else WORK_CLASS_OF.get(MilestoneKind(kind))
    granted = clearances.granted_class(row.occurrence)
    if own is None or granted is None or not is_at_least(granted[0], own):
        return None
    return granted[1]
