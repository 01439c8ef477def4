"""The log-rank test: the published figure of a known trial, and what always holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.outcomes.comparison import log_rank
from schedules.outcomes.survival import Followed, kaplan_meier
from tests.unit.outcomes.samples import ON_6MP, ON_PLACEBO
from tests.unit.outcomes.test_survival import GROUPS


def test_the_published_figure_of_6_mercaptopurine_against_placebo() -> None:
    # 16.79 on one degree of freedom, as the textbooks have it (Kleinbaum and Klein, Survival Analysis, chapter 2).
    told = log_rank(kaplan_meier(ON_6MP), kaplan_meier(ON_PLACEBO))

    assert told is not None
    assert round(told.chi_square, 2) == 16.79
    assert told.p_value == pytest.approx(4.17e-5, rel=1e-2)


def test_two_people_make_the_smallest_test() -> None:
    # By hand: on day 1 one of two reaches it, expected 1/2 with variance 1/4; on day 2 nobody is left to compare with.
    told = log_rank(kaplan_meier([Followed(1, True)]), kaplan_meier([Followed(2, True)]))

    assert told is not None
    assert told.chi_square == pytest.approx(1)
    assert told.p_value == pytest.approx(0.31731050786291415)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([], []),
        ([], [Followed(3, True)]),
        ([Followed(3, True)], []),
        ([Followed(3, False)], [Followed(4, False)]),
    ],
)
def test_groups_that_tell_nothing_have_no_test(first: list[Followed], second: list[Followed]) -> None:
    assert log_rank(kaplan_meier(first), kaplan_meier(second)) is None


@given(GROUPS, GROUPS)
def test_which_group_is_named_first_does_not_matter(first: list[Followed], second: list[Followed]) -> None:
    one, other = (log_rank(kaplan_meier(a), kaplan_meier(b)) for a, b in ((first, second), (second, first)))

    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.chi_square == pytest.approx(other.chi_square, rel=1e-6, abs=1e-9)
        assert 0 <= one.p_value <= 1


@given(st.lists(st.builds(Followed, st.integers(0, 40), st.booleans()), min_size=2, max_size=40))
def test_a_group_does_not_differ_from_itself(group: list[Followed]) -> None:
    told = log_rank(kaplan_meier(group), kaplan_meier(group))

    assert told is None or told.p_value == pytest.approx(1, abs=1e-6)
