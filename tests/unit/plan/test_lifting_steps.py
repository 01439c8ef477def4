"""The milestones that end a lifting limit, and what low bone density adds after a vertebral procedure."""

from datetime import date

import pytest

from schedules.plan.build import PatientFacts, Plan
from schedules.plan.vocabulary import Binding, Grade, MilestoneKind, Owner, Phase, Procedure, RestrictionKind
from tests.unit.plan.samples import PROTOCOL_IDS, milestone, plan, restrictions, stage

FRAGILE = PatientFacts(work_class=None, low_bone_density=True)


def steps(a_plan: Plan) -> list[tuple[str, int | None, str, str | None]]:
    return [
        (item.key, item.eligible_days, item.binds, item.note)
        for item in a_plan.milestones
        if item.kind is MilestoneKind.lifting_step
    ]


@pytest.mark.parametrize("protocol_id", PROTOCOL_IDS)
@pytest.mark.parametrize("patient", [PatientFacts(work_class=None), FRAGILE])
def test_every_lifting_limit_that_holds_until_cleared_has_its_own_step(protocol_id: str, patient: PatientFacts) -> None:
    a_plan = plan(stage(protocol_id, ordinal=3), patient=patient)

    held = [row for row in restrictions(a_plan, RestrictionKind.lifting) if row.through_days is None]

    assert {(f"lifting_{row.sequence}", 3) for row in held} == {
        (row.lifted_by, row.lifted_by_occurrence) for row in held
    }
    assert {key for key, *_ in steps(a_plan)} == {row.lifted_by for row in held}
    assert held
    for row in held:
        step = milestone(a_plan, row.lifted_by or "", 3)
        assert (step.eligible_days, step.eligible_on) == (row.eligible_days, row.eligible_on)
        assert (step.grade, step.sources, step.binding_stage) == (row.grade, row.sources, 3)


def test_a_limit_that_rises_by_date_has_no_step() -> None:
    first, *_ = restrictions(plan(stage()), RestrictionKind.lifting)

    assert (first.lifted_by, first.lifted_by_occurrence) == (None, None)
    assert steps(plan(stage())) == [("lifting_4", 85, Binding.target, None)]


def test_a_step_waits_for_a_clinician_and_says_nothing_to_the_patient() -> None:
    step = milestone(plan(stage("TLIF-MISS"), enrolled_on=date(2028, 1, 1)), "lifting_2")

    assert (step.kind, step.lifts, step.owner) == (MilestoneKind.lifting_step, RestrictionKind.lifting, Owner.clinic)
    assert (step.earliest_days, step.target_days, step.latest_days) == (85, 85, None)
    assert (step.earliest_on, step.target_on, step.latest_on) == (date(2026, 5, 26), date(2026, 5, 26), None)
    assert (step.text, step.past_policy, step.phase) == (None, None, Phase.after_surgery)
    assert (step.binding_procedure, step.binding_stage) == (Procedure.tlif, 1)
    assert stage("TLIF-MISS").protocol.reminders.for_kind(MilestoneKind.lifting_step) == ()


def test_a_step_names_what_the_clinician_must_have_seen() -> None:
    assert steps(plan(stage("TLIF-MISS"))) == [
        ("lifting_2", 85, Binding.target, "X-ray satisfactory"),
        ("lifting_3", 181, Binding.target, "fusion progress"),
    ]


def test_a_limit_without_an_end_in_the_protocol_is_the_surgeons() -> None:
    assert steps(plan(stage("KYPHO"))) == [("lifting_3", None, Binding.surgeon, None)]
    assert milestone(plan(stage("KYPHO")), "lifting_3").earliest_days is None


@pytest.mark.parametrize(
    ("protocol_id", "usual"),
    [
        ("INTRACEPT", ("lifting_3", 43, Binding.target, None)),
        ("KYPHO", ("lifting_3", None, Binding.surgeon, None)),
    ],
)
def test_low_bone_density_adds_a_step_and_leaves_the_usual_one(
    protocol_id: str, usual: tuple[str, int | None, str, str | None]
) -> None:
    low = steps(plan(stage(protocol_id), patient=FRAGILE))

    assert sorted(low) == sorted([usual, ("lifting_4", 43, Binding.bone_density, None)])


@pytest.mark.parametrize("protocol_id", ["INTRACEPT", "KYPHO"])
def test_low_bone_density_after_a_vertebral_procedure_adds_a_fracture_check(protocol_id: str) -> None:
    check = milestone(plan(stage(protocol_id), patient=FRAGILE, enrolled_on=date(2028, 1, 1)), "fracture_check")

    assert (check.kind, check.owner, check.lifts) == (MilestoneKind.fracture_check, Owner.clinic, None)
    assert (check.earliest_days, check.target_days, check.latest_days, check.eligible_days) == (42, 42, None, 42)
    assert (check.target_on, check.grade, check.sources) == (date(2026, 4, 13), Grade.E, ("S87",))
    assert (check.binds, check.text, check.past_policy) == (Binding.target, None, None)


def test_nobody_else_has_a_fracture_check() -> None:
    without = [plan(stage("INTRACEPT")), plan(stage("MD-MISS"), patient=FRAGILE)]

    assert all("fracture_check" not in {item.key for item in each.milestones} for each in without)


def test_two_vertebral_procedures_have_one_fracture_check_the_later() -> None:
    staged = plan(stage("INTRACEPT"), stage("KYPHO", ordinal=2, day0=date(2026, 3, 12)), patient=FRAGILE)

    (check,) = [item for item in staged.milestones if item.key == "fracture_check"]

    assert (check.occurrence, check.target_on) == (2, date(2026, 4, 23))
    assert len(steps(staged)) == 4


@pytest.mark.parametrize("protocol_id", ["INTRACEPT", "KYPHO"])
def test_low_bone_density_never_loosens_a_limit(protocol_id: str) -> None:
    def pounds(patient: PatientFacts, day: int) -> int:
        rows = restrictions(plan(stage(protocol_id), patient=patient), RestrictionKind.lifting)
        active = [row for row in rows if row.from_days <= day and (row.through_days is None or day <= row.through_days)]
        return min(row.limit_lb for row in active if row.limit_lb is not None)

    for day in (0, 7, 8, 14, 15, 42, 43, 84, 85, 400):
        assert pounds(FRAGILE, day) == 10 <= pounds(PatientFacts(work_class=None), day)
