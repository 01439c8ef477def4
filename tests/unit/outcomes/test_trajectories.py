"""Scores of a group over time: worked out by hand, each course once, nobody paired with another, no time of few."""

import pytest

from schedules.outcomes.proportions import told_apart
from schedules.outcomes.trajectories import Scored, trajectory


def test_a_small_group_worked_out_by_hand() -> None:
    before = [Scored(course, None, value) for course, value in zip("abcde", (40, 44, 50, 56, 60), strict=True)]
    later = [Scored(course, 90, value) for course, value in zip("edcbx", (30, 20, 34, 28, 10), strict=True)]

    first, second = trajectory([*later, *before], smallest=5)

    # Quartiles of five values are the second and the fourth of them.
    assert (first.day, first.spread.low, first.spread.median, first.spread.high) == (None, 44, 50, 56)
    assert (second.day, second.spread.low, second.spread.median, second.spread.high) == (90, 20, 28, 30)
    assert first.pairs == ()
    assert set(second.pairs) == {(60, 30), (56, 20), (50, 34), (44, 28)}  # x was never asked before surgery


def test_the_last_of_several_scores_counts_and_times_stand_in_order() -> None:
    scores = [Scored("a", 365, 1), Scored("a", 14, 7), Scored("a", 14, 5), Scored("a", None, 9)]

    points = trajectory(scores, smallest=1)

    assert [(each.day, each.spread.count, each.spread.median) for each in points] == [
        (None, 1, 9),
        (14, 1, 5),
        (365, 1, 1),
    ]


def test_a_time_of_few_is_not_in_it_and_nobody_is_compared_with_what_is_not_told() -> None:
    scores = [Scored("a", None, 9), Scored("a", 14, 5), Scored("b", 14, 6)]

    (only,) = trajectory(scores, smallest=2)

    assert (only.day, only.spread.count, only.pairs) == (14, 2, ((9, 5),))


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([0, 25], (0, 25)),
        ([4, 5], (None, 5)),
        ([21, 20], (None, 20)),  # 21 leaves four
        ([12, 10, 7], (12, None, 7)),  # 10 would tell of two who reached the one and not the other
        ([12, 12], (12, 12)),
        ([], ()),
    ],
)
def test_a_count_that_would_tell_of_few_is_not_told(counts: list[int], told: tuple[int | None, ...]) -> None:
    assert told_apart(counts, of=25, smallest=5) == told
