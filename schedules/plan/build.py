"""Plans from surgeries: pure, and the same to the byte for the same input.

All stages of an episode come in one call, and their order does not matter. Knows no clock: the day of enrolment comes
in.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from schedules.plan.combine import combine
from schedules.plan.errors import PlanError, describe
from schedules.plan.items import (
    Case,
    ClinicRules,
    PatientFacts,
    Plan,
    PlannedMilestone,
    PlannedRestriction,
    Stage,
)
from schedules.plan.lifting_steps import plan_check_ins, plan_lifting_steps
from schedules.plan.milestones import plan_milestones
from schedules.plan.restrictions import plan_limits, plan_until_cleared
from schedules.plan.vocabulary import Phase, RestrictionKind, SurgeryStatus

__all__ = ["ClinicRules", "PatientFacts", "Plan", "PlannedMilestone", "PlannedRestriction", "Stage", "build_plan"]

_NO_CHANGE_PERCENT = 100
_NOTHING_SET = ClinicRules()
_KIND_ORDER = {kind: position for position, kind in enumerate(RestrictionKind)}
_UNDATED = 10**6


def build_plan(
    stages: Sequence[Stage], patient: PatientFacts, *, enrolled_on: date, clinic: ClinicRules = _NOTHING_SET
) -> Plan:
    """Return the milestones and restrictions of all stages of an episode that are not cancelled, merged.

    A stage without `day0` gives offsets and no dates. `enrolled_on` is the clinic's calendar date of enrolment; it, or
    a stage's own `known_on`, decides which items were already past. Which occurrence stands where stages meet: evidence
    file, section 2.9. Raises PlanError for a stage that cannot be (twice the same ordinal, a discharge before the
    surgery), for clinic rules that shorten, and for a date outside years 1 to 9999.
    """
    cases = plan_cases(stages, patient, enrolled_on=enrolled_on, clinic=clinic)
    limits = [plan_limits(case) for case in cases]
    own = [
        [*plan_milestones(case), *plan_lifting_steps(case, rows), *plan_check_ins(case)]
        for case, rows in zip(cases, limits, strict=True)
    ]
    combined = combine(list(zip(cases, own, strict=True)))
    milestones: list[PlannedMilestone] = []
    restrictions: list[PlannedRestriction] = []
    for case, items, rows in zip(cases, own, limits, strict=True):
        milestones.extend(_in_order_of_days(combined.of_stage(case.stage.ordinal, items)))
        restrictions.extend((*rows, *plan_until_cleared(case.stage, items, combined.standing)))
    return Plan(milestones=tuple(milestones), restrictions=tuple(_in_order_of_kinds(restrictions)))


def plan_cases(stages: Sequence[Stage], patient: PatientFacts, *, enrolled_on: date, clinic: ClinicRules) -> list[Case]:
    """Return each stage that is not cancelled with what its plan depends on, by ordinal. Raises as `build_plan`."""
    _check_stages(stages)
    if clinic.workers_comp_percent < _NO_CHANGE_PERCENT:
        raise PlanError("workers_comp_percent", "100 or more", str(clinic.workers_comp_percent))
    return [
        Case(
            stage=stage,
            patient=patient,
            work=clinic.work or stage.protocol.work,
            work_percent=clinic.workers_comp_percent if patient.workers_comp else _NO_CHANGE_PERCENT,
            known_on=stage.known_on or enrolled_on,
            check_ins=clinic.check_ins,
        )
        for stage in sorted(stages, key=lambda item: item.ordinal)
        if stage.status is not SurgeryStatus.cancelled
    ]


def _check_stages(stages: Sequence[Stage]) -> None:
    ordinals = [stage.ordinal for stage in stages]
    if len(set(ordinals)) != len(ordinals) or any(ordinal < 1 for ordinal in ordinals):
        raise PlanError("stages", "ordinals from 1, each once", ", ".join(map(str, ordinals)))
    for stage in stages:
        if isinstance(stage.day0, datetime):
            raise PlanError("day0", "a date without a time", "datetime")
        if stage.day0 is not None and stage.discharged_on is not None and stage.discharged_on < stage.day0:
            raise PlanError("discharged_on", f"{stage.day0} or later", describe(stage.discharged_on))


def _in_order_of_days(milestones: Iterable[PlannedMilestone]) -> list[PlannedMilestone]:
    def position(item: PlannedMilestone) -> tuple[bool, int]:
        days = item.earliest_days if item.target_days is None else item.target_days
        return item.phase is Phase.after_surgery, _UNDATED if days is None else days

    return sorted(milestones, key=position)


def _in_order_of_kinds(restrictions: Iterable[PlannedRestriction]) -> list[PlannedRestriction]:
    return sorted(restrictions, key=lambda item: (item.occurrence, _KIND_ORDER[item.kind], item.sequence))
