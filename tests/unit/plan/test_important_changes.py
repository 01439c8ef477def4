"""What change of a score matters: each published figure with its source, at its edge, and for its own procedure."""

import pytest

from schedules.plan.important_changes import (
    IMPORTANT_CHANGES,
    important_changes,
    improvement,
    improvement_percent,
    is_reached,
    reached_at,
)
from schedules.plan.library import load_library
from schedules.plan.scores import Measure
from schedules.plan.vocabulary import Grade, Procedure

TLIF = (Procedure.tlif,)


def reached(measure: Measure, baseline: float, value: float) -> list[tuple[float, bool]]:
    """Return the figures that a change after a TLIF has reached, and whether each is a share of the baseline."""
    figures = important_changes(measure, TLIF)
    return [(each.amount, each.is_percent) for each in figures if is_reached(each, measure, baseline, value)]


@pytest.mark.parametrize(
    ("measure", "baseline", "value", "figures"),
    [
        (Measure.odi, 50, 40.1, []),
        (Measure.odi, 50, 40, [(10, False)]),
        (Measure.odi, 50, 35, [(10, False), (30, True), (12.8, False)]),
        (Measure.odi, 30, 21, [(30, True)]),
        (Measure.odi, 50, 32, [(10, False), (30, True), (12.8, False), (18, False)]),
        (Measure.odi, 30, 60, []),
        (Measure.rmdq, 12, 8, [(30, True)]),
        (Measure.rmdq, 20, 15, [(5, False)]),
        (Measure.nrs_back, 6, 4, [(2, False), (30, True)]),
        (Measure.nrs_back, 0, 0, []),
        (Measure.promis_physical_function, 35, 39.2, [(4.2, False)]),
        (Measure.promis_pain_interference, 60, 65, []),
        (Measure.eq5d_index, 0.6, 0.7, [(0.10, False)]),
    ],
)
def test_a_figure_is_reached_from_its_own_amount_on(
    measure: Measure, baseline: float, value: float, figures: list[tuple[float, bool]]
) -> None:
    assert reached(measure, baseline, value) == figures


def test_a_figure_that_was_measured_after_other_procedures_does_not_apply() -> None:
    amounts = {each.amount for each in important_changes(Measure.promis_physical_function, (Procedure.alif,))}

    assert amounts == {5, 7.3}


def test_an_improvement_is_positive_whichever_way_the_scale_runs() -> None:
    # The example of the Roland-Morris questionnaire's reviewers: from 12 to 2 is 10 points, 83 %.
    assert (improvement(Measure.rmdq, 12, 2), improvement_percent(Measure.rmdq, 12, 2)) == (10, 83)
    assert improvement(Measure.promis_physical_function, 35, 39.2) == 4.2
    assert improvement(Measure.odi, 30, 40) == -10


def test_a_share_is_told_only_where_it_means_something() -> None:
    assert improvement_percent(Measure.rmdq, 0, 3) is None
    assert improvement_percent(Measure.eq5d_index, 0.5, 0.7) is None
    assert improvement_percent(Measure.promis_pain_interference, 60, 50) is None


def test_every_figure_names_sources_that_are_known_or_is_ungraded() -> None:
    known = load_library().sources

    for figures in IMPORTANT_CHANGES.values():
        for each in figures:
            assert all(source in known for source in each.sources)
            assert each.grade is Grade.E or all(known[source].mark != "MEM" for source in each.sources)
            assert each.sources or each.grade is Grade.E


@pytest.mark.parametrize(
    ("measure", "baseline", "scores"),
    [
        (Measure.odi, 50, [40, 35, 37.2, 32]),
        (Measure.odi, 11, [1, 7.7, None, None]),  # the scale ends at 0
        (Measure.eq5d_index, 0.55, [0.65]),
        (Measure.eq5d_index, 0.95, [None]),
        (Measure.rmdq, 0, [None, None]),
    ],
)
def test_the_score_at_which_a_change_is_reached_lies_on_the_better_side(
    measure: Measure, baseline: float, scores: list[float | None]
) -> None:
    assert [reached_at(each, measure, baseline) for each in important_changes(measure, TLIF)] == scores
