"""From which day each class of work may be considered."""

from dataclasses import replace
from datetime import date

import pytest

from schedules.plan.errors import PlanError
from schedules.plan.items import ClinicRules, PatientFacts, Stage
from schedules.plan.protocol import PoundsRange, WorkDemands
from schedules.plan.vocabulary import Binding, Grade, MilestoneKind, Procedure, SurgeryStatus, WorkClass
from schedules.plan.work import WorkOption, work_eligibility
from tests.unit.plan.samples import braced, milestone, plan, protocol, stage

INTRACEPT = stage("INTRACEPT", day0=date(2026, 3, 1))
DISCECTOMY = stage("MD-MISS", day0=date(2026, 3, 22), ordinal=2)
DESK_WORKER = PatientFacts(WorkClass.sedentary)


def eligible(stages: list[Stage], *, on: date | None = None) -> dict[WorkClass, date | None]:
    return {each: option.eligible_on for each, option in work_eligibility(stages, DESK_WORKER, on=on).items()}


def raised_by(pounds: int) -> WorkDemands:
    """Return the shipped table, its light class with more pounds at times."""
    shipped = protocol("MD-MISS").work
    levels = [
        replace(level, occasional=PoundsRange(None, pounds)) if level.work_class is WorkClass.light else level
        for level in shipped.levels
    ]
    return replace(shipped, levels=tuple(levels), sources=("S110",))


def test_every_class_has_a_day_whatever_the_patients_own_is() -> None:
    assert eligible([stage()]) == {
        WorkClass.sedentary: date(2026, 3, 16),
        WorkClass.light: date(2026, 3, 30),
        WorkClass.medium: date(2026, 4, 28),
        WorkClass.heavy: date(2026, 5, 26),
        WorkClass.very_heavy: None,
    }


def test_an_option_says_its_window_and_what_binds() -> None:
    options = work_eligibility([INTRACEPT, DISCECTOMY], DESK_WORKER)

    assert options[WorkClass.heavy] == WorkOption(
        work_class=WorkClass.heavy,
        occurrence=2,
        earliest_on=date(2026, 5, 3),
        target_on=date(2026, 5, 17),
        latest_on=date(2026, 6, 14),
        eligible_on=date(2026, 6, 15),
        binds=Binding.lifting,
        binding_procedure=Procedure.lumbar_microdiscectomy,
        binding_stage=2,
        not_before_on=None,
        grade=Grade.C,
        sources=("S16", "S02"),
    )
    very_heavy = options[WorkClass.very_heavy]
    assert (very_heavy.binds, very_heavy.not_before_on, very_heavy.grade) == (
        Binding.surgeon,
        date(2026, 6, 15),
        Grade.E,
    )


def test_between_the_stages_the_first_ones_days_stand() -> None:
    staged = [DISCECTOMY, INTRACEPT]

    before, from_then, last = (eligible(staged, on=on) for on in (date(2026, 3, 21), date(2026, 3, 22), None))

    assert (before[WorkClass.sedentary], before[WorkClass.light]) == (date(2026, 3, 4), date(2026, 3, 9))
    assert (from_then[WorkClass.sedentary], from_then[WorkClass.light]) == (date(2026, 4, 5), date(2026, 4, 19))
    assert from_then == last
    assert before[WorkClass.medium] == last[WorkClass.medium] == date(2026, 5, 18)


def test_the_days_are_those_of_the_plan() -> None:
    facts = PatientFacts(work_class=None)
    whole = plan(INTRACEPT, DISCECTOMY, patient=facts)

    options = work_eligibility([INTRACEPT, DISCECTOMY], facts)

    for kind, work_class in (("rtw_sed", WorkClass.sedentary), ("rtw_heavy", WorkClass.heavy)):
        item, option = milestone(whole, kind, 2), options[work_class]
        assert (item.eligible_on, item.target_on, item.grade) == (option.eligible_on, option.target_on, option.grade)


def test_a_stage_without_a_date_counts_only_where_none_has_one() -> None:
    undated = replace(DISCECTOMY, day0=None)

    assert eligible([INTRACEPT, undated]) == eligible([INTRACEPT])
    assert set(eligible([undated]).values()) == {None}
    assert work_eligibility([replace(INTRACEPT, status=SurgeryStatus.cancelled)], DESK_WORKER) == {}


def test_a_jurisdictions_table_moves_the_day_that_lifting_allows() -> None:
    stricter, looser = ClinicRules(work=raised_by(36)), ClinicRules(work=raised_by(10))

    light = [
        work_eligibility([stage("MD-OPEN")], DESK_WORKER, clinic)[WorkClass.light] for clinic in (stricter, looser)
    ]

    assert [(each.eligible_on, each.binds) for each in light] == [
        (date(2026, 5, 12), Binding.lifting),
        (date(2026, 4, 13), Binding.target),
    ]


def test_very_heavy_work_rests_on_the_sources_of_the_table_in_force() -> None:
    options = work_eligibility([stage()], DESK_WORKER, ClinicRules(work=raised_by(20)))

    assert options[WorkClass.very_heavy].sources == ("S110",)


@pytest.mark.parametrize(
    ("percent", "workers_comp", "days"),
    [(100, True, (42, 56, 84)), (150, False, (42, 56, 84)), (101, True, (42, 57, 85)), (150, True, (42, 84, 126))],
)
def test_workers_compensation_lengthens_target_and_latest_of_work_alone(
    *, percent: int, workers_comp: bool, days: tuple[int, int, int]
) -> None:
    patient = PatientFacts(work_class=None, workers_comp=workers_comp)
    clinic = ClinicRules(workers_comp_percent=percent)

    usual, longer = plan(stage(), patient=patient), plan(stage(), patient=patient, clinic=clinic)

    heavy = milestone(longer, "rtw_heavy")
    assert (heavy.earliest_days, heavy.target_days, heavy.latest_days) == days
    others = [
        [item for item in each.milestones if item.kind != MilestoneKind.rtw_heavy and not item.key.startswith("rtw_")]
        for each in (usual, longer)
    ]
    assert others[0] == others[1]
    assert (usual == longer) is (days[1] == 56)


def test_a_longer_target_is_eligible_later_when_it_passes_the_lifting_limit() -> None:
    patient = PatientFacts(work_class=WorkClass.heavy, workers_comp=True)

    heavy = milestone(plan(stage(), patient=patient, clinic=ClinicRules(workers_comp_percent=200)), "rtw_heavy")

    assert (heavy.target_days, heavy.eligible_days, heavy.binds) == (112, 112, Binding.target)


def test_rules_that_shorten_are_refused() -> None:
    with pytest.raises(PlanError, match="workers_comp_percent: expected 100 or more, got 99"):
        work_eligibility([stage()], DESK_WORKER, ClinicRules(workers_comp_percent=99))


def test_a_collar_does_not_hold_desk_work() -> None:
    assert eligible([braced("ACDF-2+")])[WorkClass.sedentary] == date(2026, 3, 30)
