"""Plans from surgeries: pure, and the same to the byte for the same input.

Each stage has its own occurrences. Knows no clock: the day of enrolment comes in.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from schedules.plan.errors import PlanError, describe
from schedules.plan.items import PatientFacts, Plan, PlannedMilestone, PlannedRestriction, Stage
from schedules.plan.milestones import plan_milestones
from schedules.plan.restrictions import plan_restrictions
from schedules.plan.vocabulary import Phase, RestrictionKind, SurgeryStatus

__all__ = ["PatientFacts", "Plan", "PlannedMilestone", "PlannedRestriction", "Stage", "build_plan"]

_KIND_ORDER = {kind: position for position, kind in enumerate(RestrictionKind)}
_UNDATED = 10**6


def build_plan(stages: Sequence[Stage], patient: PatientFacts, *, enrolled_on: date) -> Plan:
    """Return the milestones and restrictions of all stages that are not cancelled.

    A stage without `day0` gives offsets and no dates. `enrolled_on` is the clinic's calendar date of enrolment; it
    decides which items were already past. Raises PlanError for a stage that cannot be (twice the same ordinal, a
    discharge before the surgery) and for a date outside years 1 to 9999.
    """
    _check_stages(stages)
    milestones: list[PlannedMilestone] = []
    restrictions: list[PlannedRestriction] = []
    for stage in sorted(stages, key=lambda item: item.ordinal):
        if stage.status is not SurgeryStatus.cancelled:
            own = plan_milestones(stage, patient, enrolled_on=enrolled_on)
            milestones.extend(_in_order_of_days(own))
            restrictions.extend(plan_restrictions(stage, patient, own))
    return Plan(milestones=tuple(milestones), restrictions=tuple(_in_order_of_kinds(restrictions)))


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
