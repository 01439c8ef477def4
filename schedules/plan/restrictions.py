"""What one surgery forbids and for how long: lifting by phase, bending, driving, work, brace, sitting and sport.

Rules: evidence file, sections 2.9 (rule 7), 3.1, 3.3 and 11. A step to a higher lifting limit comes by date; the end of
a restriction never does: it holds until a clinician clears it.
"""

from collections.abc import Iterable, Iterator

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
    return [*_lifting(stage, patient), *_sitting(stage), *_until_cleared(stage, milestones)]


def _lifting(stage: Stage, patient: PatientFacts) -> Iterator[PlannedRestriction]:
    held = stage.protocol.low_bone_density
    if patient.low_bone_density and held is not None:
        yield _restrict(
            stage,
            RestrictionKind.lifting,
            _LOW_BONE_DENSITY_TEXT,
            eligible_days=held.through_days + 1,
            limit_lb=held.limit_lb,
            grade=held.grade,
            sources=held.sources,
        )
        return
    phases = stage.protocol.lifting.phases
    for sequence, (phase, following) in enumerate(zip(phases, (*phases[1:], None), strict=True), start=1):
        yield _lifting_phase(stage, phase, following, sequence)


def _lifting_phase(
    stage: Stage, phase: LiftingPhase, following: LiftingPhase | None, sequence: int
) -> PlannedRestriction:
    """The last phase, and one whose successor has a condition, hold until cleared."""
    lifting = stage.protocol.lifting
    condition = lifting.unrestricted_condition if following is None else following.condition
    ends_by_date = following is not None and condition is None
    next_from_days = lifting.unrestricted_from_days if following is None else following.from_days
    return _restrict(
        stage,
        RestrictionKind.lifting,
        phase.text_key,
        sequence=sequence,
        from_days=phase.from_days,
        through_days=phase.through_days if ends_by_date else None,
        eligible_days=None if ends_by_date else next_from_days,
        limit_lb=phase.limit_lb,
        grade=phase.grade,
        sources=phase.sources,
        condition=condition,
    )


def _sitting(stage: Stage) -> Iterator[PlannedRestriction]:
    limit = stage.protocol.sitting
    if limit is not None:
        yield _restrict(
            stage,
            RestrictionKind.sitting,
            "sitting",
            through_days=limit.through_days,
            minutes=limit.minutes,
            grade=limit.grade,
            sources=limit.sources,
        )


def _until_cleared(stage: Stage, milestones: Iterable[PlannedMilestone]) -> Iterator[PlannedRestriction]:
    counts: dict[RestrictionKind, int] = {}
    for milestone in milestones:
        kind = milestone.lifts
        if kind is not None:
            counts[kind] = counts.get(kind, 0) + 1
            several = kind in (RestrictionKind.work, RestrictionKind.sport)
            yield _restrict(
                stage,
                kind,
                milestone.kind if several else kind,
                sequence=counts[kind],
                eligible_days=milestone.eligible_days,
                grade=milestone.grade or Grade.E,
                sources=milestone.sources,
                lifted_by=milestone.key,
            )


def _restrict(
    stage: Stage,
    kind: RestrictionKind,
    text_key: str,
    *,
    grade: Grade,
    sources: tuple[str, ...],
    sequence: int = 1,
    from_days: int = 0,
    through_days: int | None = None,
    eligible_days: int | None = None,
    limit_lb: int | None = None,
    minutes: int | None = None,
    lifted_by: str | None = None,
    condition: str | None = None,
) -> PlannedRestriction:
    return PlannedRestriction(
        kind=kind,
        occurrence=stage.ordinal,
        sequence=sequence,
        from_days=from_days,
        through_days=through_days,
        from_on=day_after(stage.day0, from_days),
        through_on=day_after(stage.day0, through_days),
        limit_lb=limit_lb,
        text=stage.protocol.texts.restrictions[text_key].filled(limit_lb=limit_lb, minutes=minutes),
        binding_procedure=stage.protocol.procedure,
        grade=grade,
        sources=sources,
        eligible_days=eligible_days,
        eligible_on=day_after(stage.day0, eligible_days),
        lifted_by=lifted_by,
        condition=condition,
    )
