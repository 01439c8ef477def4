"""What a patient may do on one day: pounds, bending, driving, sitting, brace, sport and work, from plan and clearances.

Of all limits that hold on the day the strictest counts, and the answer names the procedure that binds. A day never
lifts anything: it makes a limit `eligible`. Knows no clock, no row and no name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from schedules.plan.day_limits import (
    ClassLimit,
    DayLimits,
    Limit,
    SportLimits,
    WorkLimits,
    permitted_class,
    strictest,
    strictest_of,
)
from schedules.plan.items import Plan, PlannedRestriction
from schedules.plan.kinds import WORK_CLASS_OF
from schedules.plan.lifted import Cleared, StandingClearances, is_at_least, raised_by_work
from schedules.plan.protocol import Text, WorkDemands
from schedules.plan.vocabulary import LimitState, MilestoneKind, RestrictionKind, WorkClass

__all__ = ["ClassLimit", "Cleared", "DayLimits", "Limit", "SportLimits", "WorkLimits", "limits_on", "strictest"]

_NOTHING_BARRED: Mapping[RestrictionKind, date] = MappingProxyType({})
# As `restrictions.lifting` of the shipped texts has it; a raised limit stands in no protocol.
_RAISED = Text(en="Lift no more than {limit_lb} lb.", es="No levante más de {limit_lb} lb.")


def limits_on(
    plan: Plan,
    on: date,
    *,
    clearances: Iterable[Cleared],
    day0s: Mapping[int, date | None],
    work: WorkDemands,
    own_class: WorkClass | None,
    unmet: frozenset[tuple[str, int]] = frozenset(),
    barred: Mapping[RestrictionKind, date] = _NOTHING_BARRED,
) -> DayLimits:
    """Return what the plan limits on the day `on` of the clinic's calendar.

    `day0s` are the days of surgery by stage, `work` the clinic's table of demand levels. `unmet` are the milestones
    (key, occurrence) of which a condition besides the day does not hold: what they lift is not yet eligible. Of a
    kind that is `barred` since a day no clearance from before that day counts: driving after an opioid (evidence file,
    section 11).
    """
    day = _Day(on, StandingClearances(plan, clearances, on=on, day0s=day0s), work, unmet, barred)
    kinds = {milestone.key: milestone.kind for milestone in plan.milestones}
    rows = [row for row in plan.restrictions if _is_active(row, on)]

    def of(kind: RestrictionKind) -> Limit:
        return strictest_of(day.limit_of(row) for row in rows if row.kind is kind)

    return DayLimits(
        on=on,
        lifting=of(RestrictionKind.lifting),
        bending_twisting=of(RestrictionKind.bending_twisting),
        driving=of(RestrictionKind.driving),
        sitting=of(RestrictionKind.sitting),
        brace=of(RestrictionKind.brace),
        sport=_sport(day, [row for row in rows if row.kind is RestrictionKind.sport], kinds),
        work=_work(day, [row for row in rows if row.kind is RestrictionKind.work], kinds, own_class),
    )


@dataclass(frozen=True, slots=True)
class _Day:
    on: date
    clearances: StandingClearances
    table: WorkDemands
    unmet: frozenset[tuple[str, int]]
    barred: Mapping[RestrictionKind, date]

    def limit_of(self, row: PlannedRestriction) -> Limit:
        """Return what an active row that is not about work amounts to."""
        cleared = self.clearances.lifting(row)
        barred_on = self.barred.get(row.kind)
        if cleared is not None and (barred_on is None or barred_on <= cleared.cleared_on):
            return self.freed(row, cleared)
        held = self.held(row)
        raised = raised_by_work(row, self.clearances, self.table) if row.kind is RestrictionKind.lifting else None
        if raised is None:
            return held
        if raised.limit_lb is None:
            return self.freed(row, raised.by)
        granted = self.clearances.granted_class(row.occurrence)
        text = _RAISED.filled(limit_lb=raised.limit_lb)
        return replace(held, limit_lb=raised.limit_lb, text=text, raised_by=granted[0] if granted else None)

    def held(self, row: PlannedRestriction) -> Limit:
        return Limit(
            state=LimitState.eligible if self._is_eligible(row) else LimitState.restricted,
            limit_lb=row.limit_lb,
            limit_minutes=row.limit_minutes,
            since_on=row.from_on,
            until_on=row.through_on,
            eligible_on=row.eligible_on,
            lifted_by=row.lifted_by,
            lifted_by_occurrence=row.lifted_by_occurrence,
            condition=row.condition,
            binding_procedure=row.binding_procedure,
            binding_stage=row.binding_stage,
            grade=row.grade,
            sources=row.sources,
            text=row.text,
        )

    def freed(self, row: PlannedRestriction, by: Cleared) -> Limit:
        held = self.held(row)
        return replace(
            held,
            state=LimitState.cleared,
            limit_lb=None,
            limit_minutes=None,
            until_on=None,
            condition=None,
            cleared_on=by.cleared_on,
            text=None,
        )

    def _is_eligible(self, row: PlannedRestriction) -> bool:
        if row.lifted_by is None or row.eligible_on is None or row.eligible_on > self.on:
            return False
        return (row.lifted_by, row.lifted_by_occurrence or row.occurrence) not in self.unmet


def _is_active(row: PlannedRestriction, on: date) -> bool:
    return row.from_on is not None and row.from_on <= on and (row.through_on is None or on <= row.through_on)


def _sport(day: _Day, rows: list[PlannedRestriction], kinds: Mapping[str, str]) -> SportLimits:
    low, non_contact, contact = (
        [day.limit_of(row) for row in rows if kinds.get(row.lifted_by or "") == kind]
        for kind in (MilestoneKind.sport_low, MilestoneKind.sport_nc, MilestoneKind.sport_ct)
    )
    # The plan has no row of what the patient does not want; that nobody limits it does not allow it.
    nobodys = [_without_day(day.held(row)) for row in rows[:1]]
    return SportLimits(
        strictest_of(low or nobodys), strictest_of(non_contact or nobodys), strictest_of(contact or nobodys)
    )


def _work(
    day: _Day, rows: list[PlannedRestriction], kinds: Mapping[str, str], own_class: WorkClass | None
) -> WorkLimits:
    classes = tuple(
        ClassLimit(
            work_class=level.work_class,
            limit=_class_limit(day, rows, kinds, level.work_class),
            occasional=level.occasional,
            frequent=level.frequent,
            constant=level.constant,
        )
        for level in day.table.levels
    )
    limits = {each.work_class: each.limit for each in classes}
    if own_class in limits:
        own = limits[own_class]
    else:
        own = strictest_of(limits[each] for each in _classes_of(rows, kinds) if each in limits)
    return WorkLimits(own_class, permitted_class(limits, own_class), own, classes)


def _class_limit(day: _Day, rows: list[PlannedRestriction], kinds: Mapping[str, str], work_class: WorkClass) -> Limit:
    """Return how a class stands. One that no row is about waits for a clinician: the patient's own is another."""
    own = [row for row in rows if work_class in _classes_of([row], kinds)]

    def limit_of(row: PlannedRestriction) -> Limit:
        granted = day.clearances.granted_class(row.occurrence)
        if granted is not None and is_at_least(granted[0], work_class):
            return day.freed(row, granted[1])
        return day.held(row) if own else _without_day(day.held(row))

    return strictest_of(limit_of(row) for row in own or rows)


def _classes_of(rows: Iterable[PlannedRestriction], kinds: Mapping[str, str]) -> list[WorkClass]:
    return [
        WORK_CLASS_OF[MilestoneKind(kinds[row.lifted_by])]
        for row in rows
        if row.lifted_by is not None and kinds.get(row.lifted_by) in WORK_CLASS_OF
    ]


def _without_day(limit: Limit) -> Limit:
    """Return the limit of what no milestone of the plan is about: no day makes it eligible, and no text fits."""
    return replace(
        limit, state=LimitState.restricted, eligible_on=None, lifted_by=None, lifted_by_occurrence=None, text=None
    )
