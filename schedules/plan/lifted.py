"""Which clearances stand on a day, and which limits each of them lifts or raises.

Knows dates and stages. Whether a clearance may be given is for `schedules.plan.gates` and a clinician.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from schedules.plan.items import Plan, PlannedRestriction
from schedules.plan.kinds import WORK_CLASS_OF
from schedules.plan.protocol import EligibleBy, WorkDemands
from schedules.plan.vocabulary import MilestoneKind, RestrictionKind, WorkClass

WORK_CLASSES = tuple(WORK_CLASS_OF.values())  # from the lightest to the heaviest


@dataclass(frozen=True, slots=True)
class Cleared:
    """One clearance of the milestone (`milestone_key`, `occurrence`): from `cleared_on` on, before `revoked_on`.

    `work_class` is the class of work that it allows; None: the class of the milestone itself.
    """

    milestone_key: str
    occurrence: int
    cleared_on: date
    revoked_on: date | None = None
    work_class: WorkClass | None = None

    def stands_on(self, on: date) -> bool:
        """Return whether it holds on the day `on`."""
        return self.cleared_on <= on and (self.revoked_on is None or on < self.revoked_on)


def is_at_least(granted: WorkClass | None, wanted: WorkClass) -> bool:
    """Return whether who may do work of class `granted` may do work of class `wanted`."""
    if granted not in WORK_CLASSES or wanted not in WORK_CLASSES:
        return False
    return WORK_CLASSES.index(granted) >= WORK_CLASSES.index(wanted)


class StandingClearances:
    """The clearances of an episode that stand on one day.

    One that was given before the day of its own stage's surgery, or for a stage without a date, lifts nothing: surgery
    starts the clocks again (evidence file, section 2.9).
    """

    def __init__(
        self, plan: Plan, clearances: Iterable[Cleared], *, on: date, day0s: Mapping[int, date | None]
    ) -> None:
        self._day0s = day0s
        self._classes = {
            milestone.key: WORK_CLASS_OF[MilestoneKind(milestone.kind)]
            for milestone in plan.milestones
            if milestone.kind in WORK_CLASS_OF
        }
        self._standing = [each for each in clearances if each.stands_on(on) and self._counts(each)]

    def hold(self, milestone_key: str, occurrence: int) -> bool:
        """Return whether one of exactly this milestone stands, be it for less than the patient's own work."""
        return any((each.milestone_key, each.occurrence) == (milestone_key, occurrence) for each in self._standing)

    def lifting(self, row: PlannedRestriction) -> Cleared | None:
        """Return the clearance that lifts `row`, the earliest if there are several, or None.

        One of a later stage lifts an earlier stage's row too, but never a limit in pounds: the steps of two protocols
        bear the same keys and mean other weights, so each is cleared by its own.
        """
        if row.kind is RestrictionKind.work:
            return None
        found = [each for each in self._standing if each.milestone_key == row.lifted_by and self._reaches(each, row)]
        return min(found, key=lambda each: each.cleared_on, default=None)

    def granted_class(self, occurrence: int) -> tuple[WorkClass, Cleared] | None:
        """Return the heaviest class of work that is cleared for the stage `occurrence`, with its clearance."""
        granted = [
            (each.work_class or self._classes[each.milestone_key], each)
            for each in self._standing
            if each.milestone_key in self._classes and self._is_same_or_later(each.occurrence, occurrence)
        ]
        return max(
            granted, key=lambda pair: (WORK_CLASSES.index(pair[0]), -pair[1].cleared_on.toordinal()), default=None
        )

    def _reaches(self, clearance: Cleared, row: PlannedRestriction) -> bool:
        if row.kind is RestrictionKind.lifting:
            return clearance.occurrence == row.occurrence
        return self._is_same_or_later(clearance.occurrence, row.occurrence)

    def _counts(self, clearance: Cleared) -> bool:
        day0 = self._day0s.get(clearance.occurrence)
        return day0 is not None and day0 <= clearance.cleared_on

    def _is_same_or_later(self, occurrence: int, than: int) -> bool:
        own, other = self._day0s.get(occurrence), self._day0s.get(than)
        if own is None or other is None:
            return False
        return (own, occurrence) >= (other, than)


@dataclass(frozen=True, slots=True)
class RaisedLimit:
    """A limit in pounds as a clearance for work leaves it. `limit_lb` None: it holds no more."""

    limit_lb: int | None
    by: Cleared


def raised_by_work(row: PlannedRestriction, clearances: StandingClearances, work: WorkDemands) -> RaisedLimit | None:
    """Return what a clearance for work makes of a lifting row; None if it changes nothing.

    A clinician's clearance lifts work and lifting together, up to the class's occasional maximum; where work is
    unrestricted (heavy and above), lifting is too (evidence file, section 11).
    """
    granted = clearances.granted_class(row.occurrence)
    if granted is None or row.limit_lb is None:
        return None
    work_class, by = granted
    level = next((each for each in work.levels if each.work_class is work_class), None)
    if level is None:
        return None
    if level.eligible_by is not EligibleBy.occasional_limit:
        return RaisedLimit(None, by)
    maximum_lb = level.occasional.to_lb
    return RaisedLimit(maximum_lb, by) if maximum_lb is not None and maximum_lb > row.limit_lb else None
