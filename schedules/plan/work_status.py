"""Work status: may a patient work on a day, with which restrictions, from when and expected until when.

The three values of a work status report (evidence file, section 8.2). Ends are dates. What lies ahead is expected, not
allowed: it assumes that a clinician clears each limit on the first day on which the plan admits it, unless a finding
already says no to that. Knows no clock.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

from schedules.plan.day_limits import HELD, DayLimits, Limit
from schedules.plan.items import Plan
from schedules.plan.lifted import Cleared
from schedules.plan.limits import limits_on
from schedules.plan.protocol import WorkDemands
from schedules.plan.vocabulary import RestrictionKind, WorkClass, WorkStatus
from schedules.plan.work import WorkOption
from schedules.plan.work_terms import KINDS_AT_WORK, WorkRestriction, WorkTerms, work_terms

_ONE_DAY = timedelta(days=1)
_NOTHING_BARRED: Mapping[RestrictionKind, date] = MappingProxyType({})


class NoStatus(StrEnum):
    """Why there is no work status on a day."""

    not_working = "not_working"
    before_surgery = "before_surgery"
    no_date = "no_date"  # of any surgery that stands
    ended = "ended"  # the patient died, withdrew or is in another clinic's care


class OpenEnd(StrEnum):
    """Why an end has no date."""

    surgeon_decides = "surgeon_decides"  # never by date
    waits_for_clearance = "waits_for_clearance"  # the day has come, the clinician's word has not
    class_not_known = "class_not_known"  # of the patient's work: no clearance can be known to be enough
    no_end = "no_end"  # there is no limit left to end


@dataclass(frozen=True, slots=True)
class WorkCase:
    """What a work status follows from. `own_class` None: not known. `barred`: see `limits_on`; it holds on one day.

    `refused` are the milestones (key, occurrence) to whose clearance a finding says no: no day is expected for them.
    """

    plan: Plan
    clearances: tuple[Cleared, ...]
    day0s: Mapping[int, date | None]
    work: WorkDemands
    own_class: WorkClass | None
    barred: Mapping[RestrictionKind, date] = field(default_factory=dict)
    refused: frozenset[tuple[str, int]] = frozenset()

    @property
    def first_day0(self) -> date | None:
        """Return the day of the first surgery."""
        return min(filter(None, self.day0s.values()), default=None)

    def limits(self, on: date) -> DayLimits:
        """Return the limits of a day."""
        return limits_on(
            self.plan,
            on,
            clearances=self.clearances,
            day0s=self.day0s,
            work=self.work,
            own_class=self.own_class,
            barred=self.barred,
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """The last day on which something is expected to hold; None: `why` says why there is no date."""

    on: date | None
    why: OpenEnd | None = None


@dataclass(frozen=True, slots=True)
class WorkPeriod:
    """Days on equal terms, from `effective_on` on."""

    effective_on: date
    expected_end: Ending
    terms: WorkTerms


@dataclass(frozen=True, slots=True)
class WorkReport:
    """The work status on a day. `no_status` None: there is one.

    `effective_on` and `expected_end` are those of the status; each restriction's end stands in `restriction_ends`, and
    `periods` begin with the one of the day.
    """

    on: date
    no_status: NoStatus | None
    terms: WorkTerms | None = None
    effective_on: date | None = None
    expected_end: Ending | None = None
    restriction_ends: tuple[Ending, ...] = ()
    periods: tuple[WorkPeriod, ...] = ()


def work_status_on(case: WorkCase, on: date) -> WorkReport:
    """Return the work status on the day `on` of the clinic's calendar, and what is expected from it on."""
    nothing = _no_status(case, on)
    if nothing is not None:
        return WorkReport(on, nothing)
    course = _course_from(case, on)
    terms = course.terms[on]
    return WorkReport(
        on=on,
        no_status=None,
        terms=terms,
        effective_on=_effective_on(case, on, terms.status),
        expected_end=course.end_of_status(on),
        restriction_ends=tuple(course.end_of_restriction(on, each) for each in terms.restrictions),
        periods=tuple(course.periods()),
    )


def return_range(option: WorkOption) -> tuple[date | None, date | None]:
    """Return the first and the last day on which the return to a class of work is expected.

    That is its window. Where a limit holds it beyond the target, the range begins on the eligible day. The last day is
    None for a window without an end, and where the limit outlasts the window: nobody has measured that. Both are None
    where no day is ever eligible.
    """
    if option.eligible_on is None:
        return None, None
    held = option.target_on is not None and option.eligible_on > option.target_on
    first_on = option.eligible_on if held else option.earliest_on
    outlasted = option.latest_on is not None and option.latest_on < option.eligible_on
    return first_on, None if outlasted else option.latest_on


def _no_status(case: WorkCase, on: date) -> NoStatus | None:
    if case.own_class is WorkClass.not_working:
        return NoStatus.not_working
    if case.first_day0 is None:
        return NoStatus.no_date
    return NoStatus.before_surgery if on < case.first_day0 else None


@dataclass(frozen=True, slots=True)
class _Course:
    """The expected terms of a day and of each later day on which they may change, in order, and the last limits."""

    terms: Mapping[date, WorkTerms]
    last: DayLimits

    def end_of_status(self, on: date) -> Ending:
        status = self.terms[on].status
        changed = [day for day, terms in self.terms.items() if terms.status is not status]
        return self._before(changed, self._why_status_is_open(status))

    def end_of_restriction(self, on: date, restriction: WorkRestriction) -> Ending:
        changed = [day for day, terms in self.terms.items() if day > on and restriction not in terms.restrictions]
        return self._before(changed, _why_held([getattr(self.last, restriction.kind)]))

    def periods(self) -> Iterator[WorkPeriod]:
        begins: list[date] = []
        for day, terms in self.terms.items():
            if not begins or terms != self.terms[begins[-1]]:
                begins.append(day)
        for position, day in enumerate(begins):
            terms = self.terms[day]
            end = self._before(begins[position + 1 :], self._why_status_is_open(terms.status))
            yield WorkPeriod(day, end, terms)

    def _before(self, changed: Sequence[date], why: OpenEnd) -> Ending:
        return Ending(changed[0] - _ONE_DAY) if changed else Ending(None, why)

    def _why_status_is_open(self, status: WorkStatus) -> OpenEnd:
        if status is WorkStatus.prevented:
            return _why_held([self.last.work.limit])
        if status is WorkStatus.with_restrictions and self.last.work.own_class is None:
            return OpenEnd.class_not_known
        return _why_held([self.last.work.limit, *(getattr(self.last, kind) for kind in KINDS_AT_WORK)])


def _why_held(limits: Iterable[Limit]) -> OpenEnd:
    held = [limit for limit in limits if limit.state in HELD]
    if not held:
        return OpenEnd.no_end
    undated = any(limit.eligible_on is None for limit in held)
    return OpenEnd.surgeon_decides if undated else OpenEnd.waits_for_clearance


def _course_from(case: WorkCase, on: date) -> _Course:
    expected = _expected(case, on)
    later = sorted(day for day in (*_days_of_change(expected), _after(on)) if day is not None and day > on)
    terms = {on: work_terms(case.limits(on))} | {day: work_terms(expected.limits(day)) for day in later}
    return _Course(terms, expected.limits(later[-1]) if later else case.limits(on))


def _expected(case: WorkCase, on: date) -> WorkCase:
    """Return the case with each milestone not refused cleared on its first eligible day, where that is after `on`."""
    assumed = tuple(
        Cleared(item.key, item.occurrence, item.eligible_on)
        for item in case.plan.milestones
        if item.lifts is not None and item.eligible_on is not None and item.eligible_on > on
        if (item.key, item.occurrence) not in case.refused
    )
    return replace(case, clearances=(*case.clearances, *assumed), barred=_NOTHING_BARRED)


def _days_of_change(case: WorkCase) -> set[date]:
    days = {day for row in case.plan.restrictions for day in (row.from_on, _after(row.through_on))}
    days |= {day for each in case.clearances for day in (each.cleared_on, each.revoked_on)}
    return {day for day in (*days, *case.day0s.values()) if day is not None}


def _after(day: date | None) -> date | None:
    return None if day is None or day == date.max else day + _ONE_DAY


def _effective_on(case: WorkCase, on: date, status: WorkStatus) -> date:
    """Return the first day of the unbroken time up to `on` on which the status was the same."""
    known = replace(case, barred=_NOTHING_BARRED)
    first = case.first_day0 or on
    since = on
    for day in sorted((each for each in _days_of_change(known) if first <= each < on), reverse=True):
        if work_terms(known.limits(day)).status is not status:
            return since
        since = day
    return since
