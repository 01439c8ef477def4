"""Limits of several surgeries in one episode: collars, clearances, pounds, and classes of work."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from schedules.plan.build import PatientFacts
from schedules.plan.vocabulary import (
    Binding,
    Procedure,
    RestrictionKind,
    WorkClass,
)
from tests.unit.plan.samples import (
    DISCECTOMY,
    INTRACEPT,
    bound,
    braced,
    milestone,
    occurrences,
    plan,
    restrictions,
    second,
    stage,
    without_template,
)


def test_the_collar_of_an_earlier_stage_holds_driving_exercise_and_therapy_of_a_later_one() -> None:
    staged = plan(braced("ACDF-2+"), second("LAM-MISS", after_days=30))

    off_on = date(2026, 5, 4)
    for key in ("drive", "pt_start", "sport_low"):
        assert milestone(staged, key, 2).eligible_on == max(off_on, milestone(staged, key, 2).target_on or off_on)
    assert bound(milestone(staged, "drive", 2)) == (off_on, Binding.collar, 1, Procedure.acdf)
    assert occurrences(staged, "brace_wean") == [1]
    assert milestone(staged, "brace_wean", 1).superseded_on is None


def test_a_collar_holds_what_its_own_stage_does_not_plan() -> None:
    no_therapy = replace(braced("ACDF-2+"), protocol=without_template("ACDF-2+", "pt_start"))
    after = second("INTRACEPT", after_days=30)
    therapy = milestone(plan(no_therapy, after), "pt_start", 2)
    surgeons = replace(no_therapy, protocol=without_template("MD-MISS", "pt_start"))

    assert milestone(plan(after), "pt_start", 2).eligible_on == date(2026, 4, 22)
    assert bound(therapy) == (date(2026, 5, 4), Binding.collar, 1, Procedure.acdf)
    assert (therapy.eligible_days, therapy.target_days) == (33, 21)
    open_ended = milestone(plan(surgeons, after), "pt_start", 2)
    assert bound(open_ended) == (None, Binding.collar, 1, Procedure.lumbar_microdiscectomy)
    assert open_ended.eligible_days is None


def test_a_stage_without_a_collar_holds_nothing_that_it_does_not_plan() -> None:
    no_therapy = replace(stage("ACDF-2+"), protocol=without_template("ACDF-2+", "pt_start"))

    therapy = milestone(plan(no_therapy, second("INTRACEPT", after_days=30)), "pt_start", 2)

    assert bound(therapy) == (date(2026, 4, 22), Binding.target, 2, Procedure.intracept)


@pytest.mark.parametrize(("after_days", "expected"), [(41, (22, "collar")), (42, (21, "target")), (43, (21, "target"))])
def test_a_collar_that_is_off_by_then_holds_nothing(after_days: int, expected: tuple[int, str]) -> None:
    no_therapy = replace(braced("ACDF-2+"), protocol=without_template("ACDF-2+", "pt_start"))

    therapy = milestone(plan(no_therapy, second("INTRACEPT", after_days=after_days)), "pt_start", 2)

    assert (therapy.eligible_days, therapy.binds) == expected


def test_the_collar_of_a_later_stage_holds_nothing_before_it() -> None:
    collar = replace(braced("ACDF-2+"), protocol=without_template("ACDF-2+", "pt_start"), ordinal=2)

    before = plan(stage("INTRACEPT"), replace(collar, day0=date(2026, 3, 24)))
    on_its_day = plan(stage("INTRACEPT"), replace(collar, day0=date(2026, 3, 23)))

    assert milestone(before, "pt_start", 1).eligible_on == date(2026, 3, 23)
    assert milestone(on_its_day, "pt_start", 1).eligible_on == date(2026, 5, 25)
    assert milestone(on_its_day, "walk30", 1).eligible_on == date(2026, 3, 9)


def test_a_clearance_between_the_stages_ends_on_the_later_ones_day_of_surgery() -> None:
    driving = restrictions(plan(INTRACEPT, DISCECTOMY), RestrictionKind.driving)

    spans = [(row.occurrence, row.from_on, row.through_on, row.through_days) for row in driving]

    assert spans == [(1, date(2026, 3, 1), date(2026, 3, 21), 20), (2, date(2026, 3, 22), None, None)]
    assert [(row.lifted_by, row.lifted_by_occurrence, row.binding_stage) for row in driving] == [
        ("drive", 1, 1),
        ("drive", 2, 2),
    ]


def test_a_limit_of_an_earlier_stage_points_to_the_occurrence_that_stands_for_both() -> None:
    rows = [
        row for row in restrictions(plan(INTRACEPT, DISCECTOMY), RestrictionKind.work) if row.lifted_by == "rtw_heavy"
    ]

    assert [(row.occurrence, row.lifted_by_occurrence, row.through_on) for row in rows] == [(1, 2, None), (2, 2, None)]
    assert [row.eligible_on for row in rows] == [date(2026, 6, 15), date(2026, 6, 15)]
    assert [row.eligible_days for row in rows] == [106, 85]
    assert {(row.binding_stage, row.binding_procedure) for row in rows} == {(2, Procedure.lumbar_microdiscectomy)}


def test_a_later_stage_never_ends_a_limit_in_pounds() -> None:
    lifting = restrictions(plan(INTRACEPT, DISCECTOMY), RestrictionKind.lifting)

    first = [row for row in lifting if row.occurrence == 1]

    assert [(row.through_on, row.lifted_by, row.lifted_by_occurrence) for row in first] == [
        (date(2026, 3, 8), None, None),
        (date(2026, 3, 15), None, None),
        (None, "lifting_3", 1),
    ]
    assert occurrences(plan(INTRACEPT, DISCECTOMY), "lifting_3") == [1]
    assert milestone(plan(INTRACEPT, DISCECTOMY), "lifting_3", 1).superseded_on is None


def test_one_number_of_a_step_means_each_stages_own_limit() -> None:
    staged = plan(stage("INTRACEPT"), second("LLIF-MISS", after_days=3))

    assert occurrences(staged, "lifting_3") == [1, 2]
    assert milestone(staged, "lifting_3", 1).eligible_days == 43
    assert milestone(staged, "lifting_3", 2).eligible_days == 181


@pytest.mark.parametrize("ids", [("KYPHO", "MD-MISS"), ("MD-MISS", "KYPHO")])
def test_very_heavy_work_waits_for_the_latest_day_of_heavy_work_that_is_known(ids: tuple[str, str]) -> None:
    very_heavy = PatientFacts(WorkClass.very_heavy)
    first, later = stage(ids[0]), second(ids[1], after_days=10)

    item = milestone(plan(first, later, patient=very_heavy), "rtw_very_heavy", 2)

    heavy_days = 85 if ids[1] == "MD-MISS" else 75
    assert (item.not_before_days, item.not_before_on) == (heavy_days, date(2026, 3, 12) + timedelta(days=heavy_days))
    assert (item.earliest_on, item.eligible_on, item.binds) == (None, None, Binding.surgeon)
