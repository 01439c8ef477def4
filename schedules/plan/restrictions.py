"""What one surgery forbids and for how long: lifting by phase, bending, driving, work, brace, sitting and sport.

Rules: evidence file, sections 2.9 (rules 2, 3 and 7), 3.1, 3.3 and 11. A step to a higher lifting limit comes by date
where the protocol says so; the end of a restriction never does: it holds until a clinician clears it, or until a later
stage's own restriction stands in its place.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from schedules.plan.days import day_after
from schedules.plan.items import Case, PlannedMilestone, PlannedRestriction, Stage
from schedules.plan.protocol import LiftingPhase, LowBoneDensityLimit, Text
from schedules.plan.vocabulary import Grade, Procedure, RestrictionKind

Standing = Callable[[PlannedMilestone], PlannedMilestone]

_LOW_BONE_DENSITY_TEXT = "lifting_low_bone_density"


def plan_limits(case: Case) -> list[PlannedRestriction]:
    """Return the lifting and sitting limits of the case's stage, each kind numbered from 1.

    A lifting limit that holds until cleared names the milestone that ends it, `lifting_<sequence>`. With low bone
    density a hold is added to the phases, so that what follows its end is the protocol's usual limit and never none.
    Raises PlanError if a date leaves the calendar.
    """
    return [*_lifting(case), *_sitting(case.stage)]


def plan_until_cleared(
    stage: Stage, milestones: Iterable[PlannedMilestone], standing: Standing
) -> list[PlannedRestriction]:
    """Return what `stage` forbids until a clinician clears it, each kind numbered from 1; lifting is not among it.

    `milestones` are the stage's own, and `standing` gives the occurrence that each has become among all stages: that
    one's clearance ends the row. Where the row's own occurrence is superseded, the row ends on the day before.
    """
    counts: dict[RestrictionKind, int] = {}
    rows = []
    for milestone in milestones:
        kind = milestone.lifts
        if kind is not None and kind is not RestrictionKind.lifting:
            counts[kind] = counts.get(kind, 0) + 1
            rows.append(_until_cleared(stage, kind, counts[kind], standing(milestone)))
    return rows


def held_by_bone_density(case: Case) -> LowBoneDensityLimit | None:
    """Return the hold of lifting for low bone density; None if the patient or the procedure has none."""
    return case.stage.protocol.low_bone_density if case.patient.low_bone_density else None


def _lifting(case: Case) -> Iterator[PlannedRestriction]:
    stage = case.stage
    phases = stage.protocol.lifting.phases
    for sequence, (phase, following) in enumerate(zip(phases, (*phases[1:], None), strict=True), start=1):
        yield _lifting_phase(stage, phase, following, sequence)
    held = held_by_bone_density(case)
    if held is not None:
        sequence = len(phases) + 1
        yield _restrict(
            stage,
            RestrictionKind.lifting,
            _LOW_BONE_DENSITY_TEXT,
            sequence=sequence,
            eligible_days=held.through_days + 1,
            limit_lb=held.limit_lb,
            lifted_by=_step_key(sequence),
            lifted_by_occurrence=stage.ordinal,
            grade=held.grade,
            sources=held.sources,
        )


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
        lifted_by=None if ends_by_date else _step_key(sequence),
        lifted_by_occurrence=None if ends_by_date else stage.ordinal,
        grade=phase.grade,
        sources=phase.sources,
        condition=condition,
    )


def _step_key(sequence: int) -> str:
    return f"lifting_{sequence}"


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


def _until_cleared(stage: Stage, kind: RestrictionKind, sequence: int, ends: PlannedMilestone) -> PlannedRestriction:
    several = kind in (RestrictionKind.work, RestrictionKind.sport)
    return _restrict(
        stage,
        kind,
        ends.kind if several else kind,
        sequence=sequence,
        through_days=_last_day(stage, ends),
        eligible_days=_days_from(stage, ends.eligible_on) if ends.eligible_on else ends.eligible_days,
        grade=ends.grade or Grade.E,
        sources=ends.sources,
        lifted_by=ends.key,
        lifted_by_occurrence=ends.occurrence,
        binding=(ends.binding_procedure, ends.binding_stage),
    )


def _last_day(stage: Stage, ends: PlannedMilestone) -> int | None:
    """Return the day before a later stage's own row begins; None while it holds until cleared."""
    return None if ends.superseded_on is None else _days_from(stage, ends.superseded_on) - 1


def _days_from(stage: Stage, on: date) -> int:
    return (on - stage.day0).days if stage.day0 else 0


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
    lifted_by_occurrence: int | None = None,
    binding: tuple[Procedure, int] | None = None,
    condition: str | None = None,
) -> PlannedRestriction:
    procedure, binding_stage = binding or (stage.protocol.procedure, stage.ordinal)
    return PlannedRestriction(
        kind=kind,
        occurrence=stage.ordinal,
        sequence=sequence,
        from_days=from_days,
        through_days=through_days,
        from_on=day_after(stage.day0, from_days),
        through_on=day_after(stage.day0, through_days),
        limit_lb=limit_lb,
        text=_text(stage, text_key, limit_lb=limit_lb, minutes=minutes),
        binding_procedure=procedure,
        grade=grade,
        sources=sources,
        eligible_days=eligible_days,
        eligible_on=day_after(stage.day0, eligible_days),
        lifted_by=lifted_by,
        condition=condition,
        lifted_by_occurrence=lifted_by_occurrence,
        limit_minutes=minutes,
        binding_stage=binding_stage,
    )


def _text(stage: Stage, text_key: str, *, limit_lb: int | None, minutes: int | None) -> Text:
    text = stage.protocol.texts.restrictions[text_key]
    has_figure = limit_lb is not None or minutes is not None
    return text.filled(limit_lb=limit_lb, minutes=minutes) if has_figure else text
