"""Who is on call at an instant, and until when somebody is without a gap. Pure: shifts and an instant in.

A shift is said in the clinic's wall time and turned into instants late, so that it follows the rules of the zone: the
night of a clock change lasts an hour more or less.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from schedules.plan.errors import PlanError
from schedules.plan.timing import wall_instant
from schedules.plan.vocabulary import OnCallPlace

LONGEST_SHIFT_DAYS = 31  # a longer one is most likely a slip of the pen


@dataclass(frozen=True, slots=True, kw_only=True)
class WallSpan:
    """From a wall time up to, not including, another, of one zone.

    Raises PlanError for one that does not end after it begins, or lasts longer than a month.
    """

    from_on: date
    from_at: time
    until_on: date
    until_at: time

    def __post_init__(self) -> None:
        if (self.until_on, self.until_at) <= (self.from_on, self.from_at):
            raise PlanError("until_on", "an end after the beginning", self.until_on.isoformat())
        if (self.until_on - self.from_on).days > LONGEST_SHIFT_DAYS:
            raise PlanError("until_on", f"at most {LONGEST_SHIFT_DAYS} days", self.until_on.isoformat())

    def instants(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return its beginning and its end in UTC."""
        return wall_instant(self.from_on, self.from_at, zone), wall_instant(self.until_on, self.until_at, zone)


@dataclass(frozen=True, slots=True)
class Shift:
    """One person's time in one place of the chain: from an instant up to, not including, another, in UTC."""

    staff_id: str
    place: OnCallPlace
    begins_at: datetime
    ends_at: datetime

    def covers(self, at: datetime) -> bool:
        """Return whether the person is on call at an instant."""
        return self.begins_at <= at < self.ends_at


def on_call_at(shifts: Iterable[Shift], at: datetime) -> dict[OnCallPlace, list[str]]:
    """Return who is on call at an instant, by place: staff ids in the order of the shifts' beginning."""
    found: dict[OnCallPlace, list[str]] = {place: [] for place in OnCallPlace}
    for shift in sorted(shifts, key=lambda each: (each.begins_at, each.staff_id)):
        if shift.covers(at) and shift.staff_id not in found[shift.place]:
            found[shift.place].append(shift.staff_id)
    return found


def covered_until(shifts: Sequence[Shift], at: datetime) -> datetime | None:
    """Return until when somebody is on call from `at` on without a gap; None: nobody is at `at`."""
    until = at
    for shift in sorted(shifts, key=lambda each: each.begins_at):
        if shift.begins_at <= until < shift.ends_at:
            until = shift.ends_at
    return until if until > at else None
