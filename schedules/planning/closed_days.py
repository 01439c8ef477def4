"""Which days a clinic is closed besides weekends: its own and the public holidays of its calendar.

The public holidays are those of the `holidays` library, which knows the years 1901 to 2100; other years have none.
Decides nothing about messages: a reminder that shifts takes the next open day (`schedules.plan.timing`).
"""

from datetime import date, timedelta
from functools import lru_cache

from holidays import HolidayBase, country_holidays, list_supported_countries

from models.practice import Practice
from schedules.plan.errors import PlanError, describe

_FIRST_YEAR, _LAST_YEAR = HolidayBase.start_year, HolidayBase.end_year
_LONGEST_CLOSURE = timedelta(days=31)  # a shifted day may lie this far outside the days asked for
_CALENDARS_KEPT = 512


def closed_days(practice: Practice, *, first_on: date, last_on: date) -> frozenset[date]:
    """Return the dates on which the clinic is closed: at least those from `first_on` to `last_on`.

    A month more on either side is in it, so that a day which shifts out of the span shifts past a holiday too.
    Raises PlanError for a calendar that the library does not know.
    """
    own = frozenset(date.fromisoformat(day) for day in practice.closed_on)
    if practice.holiday_calendar is None:
        return own
    return own | public_holidays(practice.holiday_calendar, first_on=first_on, last_on=last_on)


def public_holidays(calendar: str, *, first_on: date, last_on: date) -> frozenset[date]:
    """Return the public holidays, days on which one is observed included, of every year that the span touches.

    `calendar` is an ISO 3166 country, or one of its regions: US, US-NY. Raises PlanError for one that is not known.
    """
    first_year = max(_FIRST_YEAR, (max(first_on, date.min + _LONGEST_CLOSURE) - _LONGEST_CLOSURE).year)
    last_year = min(_LAST_YEAR, (min(last_on, date.max - _LONGEST_CLOSURE) + _LONGEST_CLOSURE).year)
    check_calendar(calendar)
    return _holidays_of_years(calendar, first_year, last_year)


def check_calendar(calendar: str) -> None:
    """Raise PlanError unless `calendar` is a country, or a region of one, whose public holidays are known."""
    country, _, region = calendar.partition("-")
    regions = _regions().get(country)
    if regions is None:
        raise PlanError("holiday_calendar", "a country such as US, or a region such as US-NY", describe(calendar))
    if region not in regions and calendar != country:
        raise PlanError("holiday_calendar", f"{country} alone, or with one of its regions", describe(calendar))


@lru_cache(maxsize=1)
def _regions() -> dict[str, list[str]]:
    return list_supported_countries(include_aliases=False)


@lru_cache(maxsize=_CALENDARS_KEPT)
def _holidays_of_years(calendar: str, first_year: int, last_year: int) -> frozenset[date]:
    return frozenset(day for year in range(first_year, last_year + 1) for day in _holidays_of_year(calendar, year))


@lru_cache(maxsize=_CALENDARS_KEPT)
def _holidays_of_year(calendar: str, year: int) -> frozenset[date]:
    country, _, region = calendar.partition("-")
    return frozenset(country_holidays(country, subdiv=region or None, years=year, expand=False))
