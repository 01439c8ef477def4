"""How the dashboard says days: their year stands wherever they would be in doubt without it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.vocabulary import Language
from service.dashboard.words import day_words, instant_words

TODAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("on", "said"),
    [
        (date(2026, 11, 27), "Fri 27 Nov"),
        (date(2027, 1, 14), "Thu 14 Jan"),
        (date(2026, 5, 28), "Thu 28 May"),
        (date(2026, 5, 27), "Wed 27 May 2026"),
        (date(2025, 11, 27), "Thu 27 Nov 2025"),
        (date(2028, 10, 27), "Fri 27 Oct 2028"),
    ],
)
def test_a_day_more_than_half_a_year_away_has_its_year(on: date, said: str) -> None:
    assert day_words(on, Language.en, near=TODAY) == said


def test_a_day_that_is_near_nothing_has_its_year_and_a_birthday_no_weekday() -> None:
    born_on = date(1952, 11, 26)

    assert day_words(born_on, Language.es) == "mié 26 nov 1952"
    assert day_words(born_on, Language.en, weekday=False) == "26 Nov 1952"


def test_an_instant_long_ago_has_its_year_in_the_zone_of_the_clinic() -> None:
    at = datetime(2025, 1, 1, 3, 5, tzinfo=UTC)

    assert instant_words(at, ZoneInfo("America/New_York"), Language.en, near=TODAY) == "Tue 31 Dec 2024 22:05"
