"""The band of a group by week: each course once, and no week of few."""

from hypothesis import given
from hypothesis import strategies as st

from schedules.outcomes.bands import Reading, weekly_band


def test_who_reports_often_weighs_no_more() -> None:
    often = [Reading("often", day, 10) for day in range(7)]

    (week,) = weekly_band([*often, Reading("a", 0, 0), Reading("b", 6, 2)], smallest=3)

    assert (week.first_day, week.spread.count, week.spread.median) == (0, 3, 2)


def test_a_week_begins_on_each_seventh_day() -> None:
    weeks = weekly_band([Reading("a", day, day) for day in (0, 6, 7, 13, 14)], smallest=1)

    assert [(week.first_day, week.spread.median) for week in weeks] == [(0, 3), (7, 10), (14, 14)]


def test_a_week_of_few_is_not_in_it() -> None:
    readings = [Reading("a", 1, 5), Reading("b", 2, 5), Reading("a", 8, 5), Reading("a", 9, 5)]

    assert [week.first_day for week in weekly_band(readings, smallest=2)] == [0]


@given(st.lists(st.builds(Reading, st.sampled_from("abcdef"), st.integers(0, 60), st.integers(0, 10)), max_size=80))
def test_the_band_holds_its_median_and_stays_within_what_was_told(readings: list[Reading]) -> None:
    for week in weekly_band(readings, smallest=1):
        told = [each.value for each in readings if each.day // 7 * 7 == week.first_day]
        assert min(told) <= week.spread.low <= week.spread.median <= week.spread.high <= max(told)
