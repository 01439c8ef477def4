"""Which country a time zone lies in, by the table that comes with the zone rules, and the units people use there."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from schedules.plan.vocabulary import Units

# Pounds and Fahrenheit in daily life: the United States with its territories, Liberia, Myanmar.
_IMPERIAL = frozenset({"US", "AS", "GU", "MP", "PR", "VI", "LR", "MM"})


def country_of(time_zone: str) -> str | None:
    """Return the country of an IANA zone as ISO 3166-1 alpha-2; None for an alias or a zone of no one country.

    >>> country_of("Asia/Kathmandu"), country_of("UTC")
    ('NP', None)
    """
    return _countries().get(time_zone)


def units_of(country: str) -> Units:
    """Return the units of weight and temperature that patients in a country read."""
    return Units.imperial if country in _IMPERIAL else Units.metric


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, str]:
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {cells[2]: cells[0] for cells in lines}
