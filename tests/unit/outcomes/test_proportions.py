"""Proportions and quartiles: what always holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.outcomes.proportions import Proportion, Spread, spread, wilson


def test_of_nobody_there_is_no_share() -> None:
    assert wilson(0, 0) == Proportion(0, 0, None, None, None)


@pytest.mark.parametrize(("count", "of"), [(-1, 5), (6, 5)])
def test_an_impossible_count_is_refused(count: int, of: int) -> None:
    with pytest.raises(ValueError, match=f"Expected 0 to {of}, got {count}"):
        wilson(count, of)


@given(st.integers(0, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_holds_the_share_and_stays_between_0_and_1(pair: tuple[int, int]) -> None:
    told = wilson(*pair)

    if told.share is not None and told.low is not None and told.high is not None:
        assert 0 <= told.low <= told.share <= told.high <= 1


def test_no_value_has_no_spread_and_one_is_its_own() -> None:
    assert spread([]) is None
    assert spread([4]) == Spread(1, 4, 4, 4)
