"""Kaplan-Meier: the published figures of a known trial, and what always holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.outcomes.survival import Curve, Followed, Median, kaplan_meier
from tests.unit.outcomes.samples import ON_6MP, ON_PLACEBO

GROUPS = st.lists(st.builds(Followed, st.integers(0, 40), st.booleans()), max_size=60)


def test_the_remissions_on_6_mercaptopurine_are_as_published() -> None:
    curve = kaplan_meier(ON_6MP)

    told = {step.day: (step.at_risk, round(step.waiting, 3)) for step in curve.steps if step.reached}
    assert told == {
        6: (21, 0.857), 7: (17, 0.807), 10: (15, 0.753), 13: (12, 0.690), 16: (11, 0.627), 22: (7, 0.538),
        23: (6, 0.448),
    }  # fmt: skip
    assert (curve.count, curve.reached, curve.last_day, curve.median) == (21, 9, 35, Median(23, 13, None))


def test_without_censoring_the_curve_is_the_share_that_still_waits() -> None:
    curve = kaplan_meier(ON_PLACEBO)

    assert [round(step.waiting * 21) for step in curve.steps] == [19, 17, 16, 14, 12, 8, 6, 4, 3, 2, 1, 0]
    assert curve.steps[-1].waiting == 0.0
    assert (curve.steps[-1].low, curve.steps[-1].high) == (None, None)
    assert curve.median == Median(8, 4, 11)


def test_an_empty_group_has_no_course() -> None:
    curve = kaplan_meier([])

    assert (curve.count, curve.reached, curve.last_day, curve.steps) == (0, 0, 0, ())
    assert curve.median == Median(None, None, None)
    assert curve.at_risk(0) == 0
    assert curve.at(0) is None


def test_where_nobody_reached_it_all_still_wait() -> None:
    curve = kaplan_meier([Followed(5, False), Followed(5, False), Followed(9, False)])

    assert [(step.day, step.at_risk, step.waiting, step.low) for step in curve.steps] == [
        (5, 3, 1.0, None),
        (9, 1, 1.0, None),
    ]
    assert curve.median == Median(None, None, None)


def test_who_is_censored_on_the_day_of_an_event_was_at_risk_of_it() -> None:
    curve = kaplan_meier([Followed(3, False), Followed(3, True)])

    assert (curve.steps[0].at_risk, curve.steps[0].waiting) == (2, 0.5)


def test_beyond_the_follow_up_nothing_is_known() -> None:
    curve = kaplan_meier([Followed(2, True), Followed(5, False)])

    assert [curve.at(day) and curve.at(day).day for day in (1, 2, 4, 5, 6)] == [None, 2, 2, 5, None]  # type: ignore[union-attr]
    assert [curve.at_risk(day) for day in (0, 2, 3, 5, 6)] == [2, 2, 1, 1, 0]


def test_a_day_before_day_0_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected days from 0, got -1"):
        kaplan_meier([Followed(-1, False)])


@given(GROUPS)
def test_a_curve_only_falls_and_its_limits_lie_around_it(group: list[Followed]) -> None:
    curve = kaplan_meier(group)

    shares = [step.waiting for step in curve.steps]
    assert shares == sorted(shares, reverse=True)
    assert all(0 <= share <= 1 for share in shares)
    for step in curve.steps:
        if step.low is not None and step.high is not None:
            assert 0 <= step.low <= step.waiting <= step.high <= 1
        assert step.at_risk == sum(each.days >= step.day for each in group)
    assert curve.count == len(group)
    assert curve.reached == sum(each.reached for each in group)


@given(GROUPS, st.randoms())
def test_the_order_of_the_group_says_nothing(group: list[Followed], random: object) -> None:
    shuffled = list(group)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random

    assert kaplan_meier(shuffled) == kaplan_meier(group)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_where_all_reached_it_the_curve_is_the_plain_share(days: list[int]) -> None:
    curve: Curve = kaplan_meier(Followed(day, True) for day in days)

    for step in curve.steps:
        assert step.waiting == pytest.approx(sum(day > step.day for day in days) / len(days), abs=1e-12)


@given(GROUPS)
def test_the_median_is_the_first_day_by_which_half_have_reached_it(group: list[Followed]) -> None:
    curve = kaplan_meier(group)

    by_day = [(step.day, step.waiting) for step in curve.steps if step.waiting <= 0.5]
    assert curve.median.day == (by_day[0][0] if by_day else None)
