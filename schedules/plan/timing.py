"""Wall time to UTC, quiet hours and open days.

The one place where a local time becomes an instant. Knows every zone and no clock; holidays come in.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schedules.plan.errors import PlanError, describe

_ONE_DAY = timedelta(days=1)
_FRIDAY = 4


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Wall times from `start` up to, not including, `end`; a `start` after `end` crosses midnight.

    Raises PlanError if both are the same time, as no hour would be left, or if one carries a zone.
    """

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise PlanError("quiet_hours", "wall times without a zone", "a zone")
        if self.start == self.end:
            raise PlanError("quiet_hours", "two different times", describe(self.start))

    def hold(self, at: time) -> bool:
        """Return whether the wall time `at` is quiet."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


def wall_instant(on: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of wall time `at` on the date `on` in `zone`.

    A wall time that a clock change skips moves forward by the gap; one that occurs twice means the first.

    >>> wall_instant(date(2026, 3, 8), time(2, 30), ZoneInfo("America/New_York")).isoformat()
    '2026-03-08T07:30:00+00:00'

    Raises PlanError if `at` carries a zone or the instant lies outside years 1 to 9999.
    """
    return _instant(on, at, zone, fold=0)


def reminder_instant(on: date, at: time, *, zone: ZoneInfo, quiet: QuietHours | None) -> datetime:
    """Return the UTC instant at which a reminder for wall time `at` on `on` is due, held for quiet hours.

    Raises PlanError if the instant lies outside years 1 to 9999.
    """
    instant = wall_instant(on, at, zone)
    return instant if quiet is None else hold_for_quiet_hours(instant, quiet, zone)


def hold_for_quiet_hours(instant: datetime, quiet: QuietHours, zone: ZoneInfo) -> datetime:
    """Return `instant` in UTC, or the end of the quiet hours of `zone` that it falls into; never earlier.

    Raises PlanError if `instant` is naive or the answer lies outside years 1 to 9999.
    """
    local = local_time(instant, zone)
    if not quiet.hold(local.time()):
        return instant.astimezone(UTC)
    with _InsideTheCalendar(local.date()):
        end_on = local.date() if local.time() < quiet.end else local.date() + _ONE_DAY
    end = _instant(end_on, quiet.end, zone, fold=0)
    # In the hour that a clock change repeats, the first end may already be past.
    return end if end >= instant else _instant(end_on, quiet.end, zone, fold=1)


def local_time(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return `instant` as wall time of `zone`. Raises PlanError if it is naive or outside years 1 to 9999."""
    if instant.tzinfo is None:
        raise PlanError("instant", "an aware time", "a naive one")
    with _InsideTheCalendar(instant.date()):
        return instant.astimezone(zone)


def next_open_day(on: date, *, closed: frozenset[date]) -> date:
    """Return `on` if it is Monday to Friday and not `closed`, else the next such day. Raises PlanError after 9999."""
    return _open_day(on, closed, step=_ONE_DAY)


def previous_open_day(on: date, *, closed: frozenset[date]) -> date:
    """Return `on` if it is Monday to Friday and not `closed`, else the last such day. Raises PlanError before 0001."""
    return _open_day(on, closed, step=-_ONE_DAY)


def hours_after(instant: datetime, hours: int) -> datetime:
    """Return the instant `hours` elapsed hours after `instant`. Raises PlanError if it lies outside years 1 to 9999."""
    with _InsideTheCalendar(instant.date()):
        return instant + timedelta(hours=hours)


def days_after(on: date, days: int) -> date:
    """Return the date `days` calendar days after `on`. Raises PlanError if it lies outside years 1 to 9999."""
    with _InsideTheCalendar(on):
        return on + timedelta(days=days)


def _open_day(on: date, closed: frozenset[date], *, step: timedelta) -> date:
    with _InsideTheCalendar(on):
        while on.weekday() > _FRIDAY or on in closed:
            on += step
    return on


def _instant(on: date, at: time, zone: ZoneInfo, *, fold: int) -> datetime:
    if at.tzinfo is not None:
        raise PlanError("wall time", "a time without a zone", "a zone")
    with _InsideTheCalendar(on):
        return datetime.combine(on, at.replace(fold=fold), tzinfo=zone).astimezone(UTC)


class _InsideTheCalendar:
    """Refuses what leads out of years 1 to 9999. A class, as every date of every plan passes here."""

    __slots__ = ("on",)

    def __init__(self, on: date) -> None:
        self.on = on

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OverflowError | ValueError):
            raise PlanError("date", "a time in years 1 to 9999", describe(self.on)) from error
