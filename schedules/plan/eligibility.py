"""The first day on which a milestone may happen, and what fixes it: target, lifting limit, collar, a person.

Rules: evidence file, sections 2.9 (rule 7) and 11. Eligible is not cleared: that is a clinician's word.
"""

from typing import NamedTuple

from schedules.plan.items import Case
from schedules.plan.kinds import WORK_CLASS_OF, rule_of
from schedules.plan.protocol import EligibleBy, MilestoneTemplate, Protocol, WorkDemand
from schedules.plan.vocabulary import Binding, MilestoneKind


class Eligibility(NamedTuple):
    """`days` None: never by date. `binds` is what fixes the day, or what it waits for."""

    days: int | None
    binds: Binding


def first_day_by_lifting(protocol: Protocol, demand: WorkDemand, *, low_bone_density: bool) -> int | None:
    """Return the first day on which the lifting limits admit the work; None if no day does.

    That is the day on which the limit reaches the class's occasional maximum, or ends where work is unrestricted.
    """
    if demand.eligible_by is EligibleBy.surgeon:
        return None
    needed_lb = demand.occasional.to_lb if demand.eligible_by is EligibleBy.occasional_limit else None
    held = protocol.low_bone_density if low_bone_density else None
    if held is not None:
        return 0 if needed_lb is not None and needed_lb <= held.limit_lb else None
    for phase in protocol.lifting.phases:
        if needed_lb is not None and needed_lb <= phase.limit_lb:
            return phase.from_days
    return protocol.lifting.unrestricted_from_days


def eligibility_of(template: MilestoneTemplate, case: Case) -> Eligibility:
    """Return the first day on which all day conditions of a milestone of the case's own stage hold."""
    if template.kind in WORK_CLASS_OF:
        return _of_work(template, case)
    if template.earliest_days is None:
        return Eligibility(None, _who_dates(template.kind))
    if template.target_days is None:
        return Eligibility(template.earliest_days, Binding.earliest)
    if case.stage.brace_ordered and rule_of(template.kind).waits_for_collar:
        return _after_collar(template.target_days, case.stage.protocol)
    return Eligibility(template.target_days, Binding.target)


def _of_work(template: MilestoneTemplate, case: Case) -> Eligibility:
    protocol, low_bone_density = case.stage.protocol, case.patient.low_bone_density
    demand = case.work.of_milestone(template.kind)
    lifting_days = first_day_by_lifting(protocol, demand, low_bone_density=low_bone_density)
    if template.target_days is None or demand.eligible_by is EligibleBy.surgeon:
        return Eligibility(None, Binding.surgeon)
    if lifting_days is None:
        held = low_bone_density and protocol.low_bone_density is not None
        return Eligibility(None, Binding.bone_density if held else Binding.surgeon)
    if lifting_days > template.target_days:
        return Eligibility(lifting_days, Binding.lifting)
    return Eligibility(template.target_days, Binding.target)


def _after_collar(target_days: int, protocol: Protocol) -> Eligibility:
    collar = protocol.find_milestone(MilestoneKind.brace_wean)
    if collar is None or collar.target_days is None:
        return Eligibility(None, Binding.collar)
    if collar.target_days > target_days:
        return Eligibility(collar.target_days, Binding.collar)
    return Eligibility(target_days, Binding.target)


def _who_dates(kind: MilestoneKind) -> Binding:
    if kind is MilestoneKind.opioid_stop:
        return Binding.prescriber
    return Binding.surgeon if kind is MilestoneKind.brace_wean else Binding.clinician
