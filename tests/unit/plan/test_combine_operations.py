"""Procedures of one operation, and what is asked before and after each of several: preparations, scores, wounds."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from schedules.plan.vocabulary import (
    Binding,
    Phase,
    Procedure,
)
from tests.unit.plan.samples import (
    DAY0,
    bound,
    milestone,
    occurrences,
    plan,
    second,
    stage,
    with_template,
)


@pytest.mark.parametrize(
    ("first_id", "second_id", "imaged"),
    [("ALIF-MISS", "TLIF-OPEN", "TLIF-OPEN"), ("LAM-MISS", "TLIF-MISS", "TLIF-MISS"), ("LAM-OPEN", "TLIF-MISS", None)],
)
def test_one_operation_of_two_procedures_runs_on_the_slower_clock(
    first_id: str, second_id: str, imaged: str | None
) -> None:
    combined = plan(stage(first_id), stage(second_id, ordinal=2))

    alone = [plan(stage(each)) for each in (first_id, second_id)]
    for key in ("drive", "rtw_sed", "rtw_heavy", "blt_end", "sport_nc", "full"):
        (item,) = [each for each in combined.milestones if each.key == key]
        days = [milestone(each, key) for each in alone]
        assert item.target_days == max(day.target_days or 0 for day in days)
        assert item.eligible_days == max(day.eligible_days or 0 for day in days)
        assert (item.occurrence, item.superseded_on) == (2, None)
    if imaged is not None:
        assert milestone(combined, "imaging_d180", 2).binding_procedure is Procedure.tlif


def test_an_open_posterior_fixation_puts_an_anterior_fusion_on_the_fusion_clock() -> None:
    combined = plan(stage("ALIF-MISS"), stage("TLIF-OPEN", ordinal=2))

    heavy = milestone(combined, "rtw_heavy", 2)

    assert bound(heavy) == (date(2027, 3, 3), Binding.lifting, 2, Procedure.tlif)
    assert heavy.eligible_days == 366


def test_before_one_operation_the_earliest_day_binds() -> None:
    early = replace(stage(), protocol=with_template("MD-MISS", "health_check", earliest_days=-9, target_days=-8))

    combined = plan(early, stage("INTRACEPT", ordinal=2))

    (check,) = [item for item in combined.milestones if item.key == "health_check"]
    assert (check.earliest_days, check.target_days, check.latest_days, check.eligible_days) == (-9, -8, -1, -8)
    assert (check.occurrence, check.binding_stage, check.phase) == (2, 1, Phase.before_surgery)
    assert check.past_policy is None


def test_before_two_operations_each_has_its_own_preparation() -> None:
    staged = plan(stage(), second("INTRACEPT", after_days=1))

    before = [item for item in staged.milestones if item.phase is Phase.before_surgery]
    assert all(occurrences(staged, item.key) == [1, 2] for item in before)
    assert all(item.superseded_on is None for item in before)


@pytest.mark.parametrize(("after_days", "expected"), [(35, [2]), (36, [1, 2])])
def test_a_follow_up_belongs_to_the_last_stage_unless_it_closes_before_the_new_baseline(
    after_days: int, expected: list[int]
) -> None:
    staged = plan(stage(), second("INTRACEPT", after_days=after_days))

    assert occurrences(staged, "prom_2wk") == expected
    follow_up = milestone(staged, "prom_2wk", 2)
    assert (follow_up.earliest_days, follow_up.target_days, follow_up.latest_days) == (10, 14, 21)
    assert (follow_up.binding_stage, follow_up.target_on) == (2, DAY0 + timedelta(days=after_days + 14))


def test_an_open_ended_follow_up_of_an_earlier_stage_gives_way() -> None:
    endless = replace(stage(), protocol=with_template("MD-MISS", "prom_2wk", latest_days=None))

    assert occurrences(plan(endless, second("INTRACEPT", after_days=300)), "prom_2wk") == [2]


@pytest.mark.parametrize(
    ("after_days", "first_days", "target_days"),
    [(200, -14, -14), (15, -14, -14), (14, -13, -13), (2, -1, -1), (1, -1, -1)],
)
def test_the_baseline_of_a_later_stage_is_answered_between_the_stages(
    after_days: int, first_days: int, target_days: int
) -> None:
    staged = plan(stage(), second("INTRACEPT", after_days=after_days))

    first, between = milestone(staged, "prom_baseline", 1), milestone(staged, "prom_baseline", 2)

    day0 = DAY0 + timedelta(days=after_days)
    assert (first.earliest_days, first.target_days, first.latest_days) == (-60, -14, 0)
    assert (between.earliest_days, between.target_days, between.latest_days) == (first_days, target_days, 0)
    assert (between.earliest_on, between.target_on) == (
        day0 + timedelta(days=first_days),
        day0 + timedelta(days=target_days),
    )
    assert (between.eligible_days, between.eligible_on) == (between.target_days, between.target_on)


def test_the_baseline_of_a_later_stage_may_have_no_target() -> None:
    untargeted = replace(
        second("INTRACEPT", after_days=200), protocol=with_template("INTRACEPT", "prom_baseline", target_days=None)
    )

    between = milestone(plan(stage(), untargeted), "prom_baseline", 2)

    assert (between.earliest_days, between.target_days, between.latest_days) == (-14, None, 0)
    assert (between.target_on, between.eligible_on) == (None, between.earliest_on)


def test_one_operation_has_one_baseline_with_its_usual_window() -> None:
    (baseline,) = [
        item for item in plan(stage(), stage("INTRACEPT", ordinal=2)).milestones if item.key == "prom_baseline"
    ]

    assert (baseline.occurrence, baseline.earliest_days, baseline.target_days) == (2, -60, -14)


def test_after_one_operation_of_two_procedures_there_is_one_baseline_more_for_the_next() -> None:
    staged = plan(stage(), stage("INTRACEPT", ordinal=2), second("MD-MISS", after_days=5, ordinal=3))

    assert occurrences(staged, "prom_baseline") == [2, 3]
    assert milestone(staged, "prom_baseline", 2).earliest_days == -60
    assert milestone(staged, "prom_baseline", 3).earliest_days == -4


@pytest.mark.parametrize(("latest_days", "expected"), [(27, [1, 2]), (28, [2]), (None, [2])])
def test_there_is_one_wound_check_where_the_windows_overlap(latest_days: int | None, expected: list[int]) -> None:
    first = replace(stage(), protocol=with_template("MD-MISS", "incision", latest_days=latest_days))

    staged = plan(first, second("MD-MISS", after_days=18))

    assert occurrences(staged, "incision") == expected
    assert occurrences(staged, "shower") == [1, 2]
