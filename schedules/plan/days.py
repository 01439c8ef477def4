"""Dates from day offsets, within the calendar that Python knows (years 1 to 9999)."""

from datetime import date

from schedules.plan.errors import PlanError, describe


def day_after(day0: date | None, days: int | None) -> date | None:
    """Return the date `days` calendar days after `day0` (before it if negative); None if either is not known.

    Raises PlanError if the date lies outside years 1 to 9999.
    """
    if day0 is None or days is None:
        return None
    try:
        return date.fromordinal(day0.toordinal() + days)
    except (ValueError, OverflowError) as error:
        raise PlanError("day0", f"a day whose day {days} lies in years 1 to 9999", describe(day0)) from error
