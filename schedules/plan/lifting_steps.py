"""Milestones that no protocol lists: the steps that end a lifting limit, the fracture check of low bone density, and
the check-ins of the clinic's rhythm.

Rules: evidence file, sections 2.9 (rule 7) and 3.1. A step has no message: nobody is told to lift more by date.
"""

from collections.abc import Iterable, Iterator

from schedules.plan.check_ins import DEFAULT_GRADE, check_in_days
from schedules.plan.days import day_after
from schedules.plan.items import Case, PlannedMilestone, PlannedRestriction
from schedules.plan.kinds import rule_of
from schedules.plan.restrictions import held_by_bone_density
from schedules.plan.vocabulary import Binding, Grade, MilestoneKind, Phase


def plan_lifting_steps(case: Case, limits: Iterable[PlannedRestriction]) -> Iterator[PlannedMilestone]:
    """Yield a milestone for each of the stage's `limits` that is named by one as what ends it.

    Then, with low bone density, the fracture check on the last day of the hold.
    """
    held = held_by_bone_density(case)
    for limit in limits:
        if limit.lifted_by is not None:
            is_hold = held is not None and limit.sequence > len(case.stage.protocol.lifting.phases)
            binds = Binding.bone_density if is_hold else Binding.target
            yield _plan_undescribed(
                case,
                MilestoneKind.lifting_step,
                limit.lifted_by,
                days=limit.eligible_days,
                binds=Binding.surgeon if limit.eligible_days is None else binds,
                grade=limit.grade,
                sources=limit.sources,
                note=limit.condition,
            )
    if held is not None:
        kind = MilestoneKind.fracture_check
        yield _plan_undescribed(
            case, kind, kind, days=held.through_days, binds=Binding.target, grade=held.grade, sources=held.sources
        )


def plan_check_ins(case: Case) -> Iterator[PlannedMilestone]:
    """Yield the one milestone that all check-ins after the case's surgery are asked under, from the first day of them.

    It has no end: who does not answer is silent, which is told elsewhere, and not behind. There is none if nobody is
    asked, or all days were past when the date of surgery became known.
    """
    stage, kind = case.stage, MilestoneKind.check_in
    days = check_in_days(case.check_ins, stage.day0, stage.setting)
    if days and days[-1].on >= case.known_on:
        yield _plan_undescribed(
            case, kind, kind, days=days[0].pod, binds=Binding.target, grade=DEFAULT_GRADE, sources=()
        )


def _plan_undescribed(
    case: Case,
    kind: MilestoneKind,
    key: str,
    *,
    days: int | None,
    binds: Binding,
    grade: Grade,
    sources: tuple[str, ...],
    note: str | None = None,
) -> PlannedMilestone:
    stage, rule = case.stage, rule_of(kind)
    on = day_after(stage.day0, days)
    return PlannedMilestone(
        key=key,
        kind=kind,
        occurrence=stage.ordinal,
        phase=Phase.after_surgery,
        earliest_days=days,
        target_days=days,
        latest_days=None,
        earliest_on=on,
        target_on=on,
        latest_on=None,
        eligible_days=days,
        eligible_on=on,
        binds=binds,
        binding_procedure=stage.protocol.procedure,
        lifts=rule.lifts,
        grade=grade,
        sources=sources,
        note=note,
        text=None,
        past_policy=None,
        owner=rule.owner,
        binding_stage=stage.ordinal,
    )
