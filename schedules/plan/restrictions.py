"""What one surgery forbids and for how long: lifting by phase, bending, driving, work, brace, sitting and sport.

Rules: evidence file, sections 2.9 (rule 7), 3.1, 3.3 and 11. A step to a higher lifting limit comes by date; the end of
a restriction never does: it holds until a clinician clears it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from schedules.plan.days import day_after
from schedules.plan.items import PatientFacts, PlannedMilestone, PlannedRestriction, Stage
from schedules.plan.protocol import LiftingPhase
from schedules.plan.vocabulary import Grade, RestrictionKind

_LOW_BONE_DENSITY_TEXT = "lifting_low_bone_density"


def plan_restrictions(
    stage: Stage, patient: PatientFacts, milestones: Iterable[PlannedMilestone]
) -> list[PlannedRestriction]:
    """Return the restrictions of `stage`, each kind numbered from 1. `milestones` are those of the same stage.

    Raises PlanError if a date leaves the calendar.
    """
    found = [*_lifting(stage, patient), *_sitting(stage), *_until_cleared(stage, milestones)]
    numbered: list[PlannedRestriction] = []
    for restriction in found:
        sequence = 1 + sum(1 for earlier in numbered if earlier.kind is restriction.kind)
        numbered.append(replace(restriction, sequence=sequence))
    return numbered


def _lifting(stage: Stage, patient: PatientFacts) -> Iterator[PlannedRestriction]:
    held = stage.protocol.low_bone_density
    if patient.low_bone_density and held is not None:
        end = held.through_days + 1
        restriction = _restrict(stage, RestrictionKind.lifting, _LOW_BONE_DENSITY_TEXT, limit_lb=held.limit_lb)
        restriction = replace(restriction, grade=held.grade, sources=held.sources)
        yield replace(restriction, eligible_days=end, eligible_on=day_after(stage.day0, end))
        return
    lifting = stage.protocol.lifting
    for phase, following in zip(lifting.phases, (*lifting.phases[1:], None), strict=True):
        yield _lifting_phase(stage, phase, following)


def _lifting_phase(stage: Stage, phase: LiftingPhase, following: LiftingPhase | None) -> PlannedRestriction:
    """The last phase, and one whose successor has a condition, hold until cleared."""
    lifting = stage.protocol.lifting
    condition = lifting.unrestricted_condition if following is None else following.condition
    eligible_days = lifting.unrestricted_from_days if following is None else following.from_days
    restriction = _restrict(stage, RestrictionKind.lifting, phase.text_key, limit_lb=phase.limit_lb)
    restriction = replace(
        restriction,
        from_days=phase.from_days,
        from_on=day_after(stage.day0, phase.from_days),
        grade=phase.grade,
        sources=phase.sources,
        condition=condition,
    )
    if following is not None and condition is None:
        return _ending(restriction, stage, phase.through_days)
    return replace(restriction, eligible_days=eligible_days, eligible_on=day_after(stage.day0, eligible_days))


def _sitting(stage: Stage) -> Iterator[PlannedRestriction]:
    limit = stage.protocol.sitting
    if limit is not None:
        restriction = _restrict(stage, RestrictionKind.sitting, "sitting", minutes=limit.minutes)
        yield _ending(replace(restriction, grade=limit.grade, sources=limit.sources), stage, limit.through_days)


def _until_cleared(stage: Stage, milestones: Iterable[PlannedMilestone]) -> Iterator[PlannedRestriction]:
    for milestone in milestones:
        if milestone.lifts is not None:
            several = milestone.lifts in (RestrictionKind.work, RestrictionKind.sport)
            yield replace(
                _restrict(stage, milestone.lifts, milestone.kind if several else milestone.lifts),
                grade=milestone.grade or Grade.E,
                sources=milestone.sources,
                eligible_days=milestone.eligible_days,
                eligible_on=milestone.eligible_on,
                lifted_by=milestone.key,
            )


def _restrict(
    stage: Stage, kind: RestrictionKind, text_key: str, *, limit_lb: int | None = None, minutes: int | None = None
) -> PlannedRestriction:
    text = stage.protocol.texts.restrictions[text_key].en
    return PlannedRestriction(
        kind=kind,
        occurrence=stage.ordinal,
        sequence=1,
        from_days=0,
        through_days=None,
        from_on=stage.day0,
        through_on=None,
        limit_lb=limit_lb,
        text=text.replace("{limit_lb}", str(limit_lb)).replace("{minutes}", str(minutes)),
        binding_procedure=stage.protocol.procedure,
        grade=Grade.E,
        sources=(),
        text_key=text_key,
    )


def _ending(restriction: PlannedRestriction, stage: Stage, through_days: int | None) -> PlannedRestriction:
    return replace(restriction, through_days=through_days, through_on=day_after(stage.day0, through_days))
