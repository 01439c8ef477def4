"""What must hold before a limit is lifted, by the kind of its milestone, and whether it does.

Rules: evidence file, section 3 (the footnote on driving), 3.1 and 11. Unknown is not met: only a clinician may vouch
for it. What no source grades is E. Knows no row, no clock and no name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from schedules.plan.items import Plan, PlannedMilestone, PlannedRestriction
from schedules.plan.kinds import WORK_CLASS_OF, rule_of
from schedules.plan.lifted import is_at_least
from schedules.plan.protocol import EligibleBy, WorkDemands
from schedules.plan.vocabulary import Condition, Grade, MilestoneKind, RestrictionKind, WorkClass

_X_RAY = "x-ray"
_REACTION_TIMES = ("S47", "S48", "S49")  # scarce, and of driving after surgery at all, not of this rule


@dataclass(frozen=True, slots=True)
class Needed:
    """One condition of a gate, for the surgeries of `stages`, with the support of its rule."""

    condition: Condition
    stages: tuple[int, ...]
    grade: Grade = Grade.E
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """What a clearance of a milestone waits for.

    `eligible_on` None: no day does it. `after` are the lifting steps (key, occurrence) that come before it, and
    `after_class` is a class of work that must be cleared before. `person_only`: no rule of a clinic may clear it.
    """

    needed: tuple[Needed, ...]
    eligible_on: date | None
    after: tuple[tuple[str, int], ...] = ()
    after_class: WorkClass | None = None
    person_only: bool = False


def gate_of(
    milestone: PlannedMilestone,
    plan: Plan,
    *,
    on: date,
    day0s: Mapping[int, date | None],
    work: WorkDemands,
    work_class: WorkClass | None = None,
    bone_density_holds: bool = False,
) -> Gate | None:
    """Return what a clearance on the day `on` waits for; None for a milestone that lifts nothing.

    `work_class` is a lighter class than the milestone's own that is to be allowed (modified duty): the plan has no day
    for it, so a clinician vouches for the day. `bone_density_holds`: a low bone density holds the lifting limits, which
    only a clinician raises.
    """
    kind = MilestoneKind(milestone.kind)
    if rule_of(kind).lifts is None:
        return None
    stages = _stages_of(milestone, plan)
    own_class = WORK_CLASS_OF.get(kind)
    granted = work_class or own_class
    x_rays = _x_rayed_rows(milestone, plan, day0s=day0s, work=work, granted=granted)
    needed = [Needed(Condition.day_reached, stages, milestone.grade or Grade.E, milestone.sources)]
    needed += [Needed(each, stages, sources=_sources_of(each)) for each in _observed_conditions(kind)]
    if rule_of(kind).waits_for_collar and _wears_collar(plan, stages, on):
        needed.append(Needed(Condition.collar_off, stages))
    needed += _x_ray_needs(x_rays)
    is_lifting = kind is MilestoneKind.lifting_step or own_class is not None
    return Gate(
        needed=tuple(needed),
        eligible_on=milestone.eligible_on if granted is own_class else None,
        after=_steps_before(milestone, plan) if kind is MilestoneKind.lifting_step else (),
        after_class=WorkClass.heavy if granted is WorkClass.very_heavy else None,
        person_only=granted is WorkClass.very_heavy
        or (bone_density_holds and is_lifting)
        or any(_X_RAY not in (row.condition or "").lower() for row in x_rays),
    )


def _observed_conditions(kind: MilestoneKind) -> tuple[Condition, ...]:
    if kind is MilestoneKind.drive:
        return (Condition.off_opioids, Condition.emergency_stop, Condition.no_motor_deficit)
    if rule_of(kind).lifts in (RestrictionKind.sport, RestrictionKind.work):
        return (Condition.wound_closed,)
    return ()


def _sources_of(condition: Condition) -> tuple[str, ...]:
    return _REACTION_TIMES if condition is Condition.emergency_stop else ()


def _stages_of(milestone: PlannedMilestone, plan: Plan) -> tuple[int, ...]:
    """Return the stages whose limits the milestone lifts, and its own."""
    lifted = {row.occurrence for row in plan.restrictions if _is_lifted_by(row, milestone)}
    return tuple(sorted(lifted | {milestone.occurrence}))


def _is_lifted_by(row: PlannedRestriction, milestone: PlannedMilestone) -> bool:
    occurrence = row.lifted_by_occurrence or row.occurrence
    return (row.lifted_by, occurrence) == (milestone.key, milestone.occurrence)


def _wears_collar(plan: Plan, stages: Iterable[int], on: date) -> bool:
    """Return whether a collar or brace was ordered for one of the stages, or is still to be worn on the day."""
    for row in plan.restrictions:
        if row.kind is not RestrictionKind.brace:
            continue
        begun = row.from_on is not None and row.from_on <= on
        if row.occurrence in stages or (begun and (row.through_on is None or row.through_on >= on)):
            return True
    return False


def _x_rayed_rows(
    milestone: PlannedMilestone,
    plan: Plan,
    *,
    day0s: Mapping[int, date | None],
    work: WorkDemands,
    granted: WorkClass | None,
) -> list[PlannedRestriction]:
    """Return the lifting limits with a condition that the clearance would lift or raise."""
    held = [row for row in plan.restrictions if row.kind is RestrictionKind.lifting and row.condition is not None]
    if granted is None:
        return [row for row in held if _is_lifted_by(row, milestone)]
    return [
        row
        for row in held
        if _is_up_to(row.occurrence, milestone.occurrence, day0s) and _would_raise(row, granted, work)
    ]


def _is_up_to(stage: int, last: int, day0s: Mapping[int, date | None]) -> bool:
    own, end = day0s.get(stage), day0s.get(last)
    return stage == last or (own is not None and end is not None and (own, stage) <= (end, last))


def _would_raise(row: PlannedRestriction, granted: WorkClass, work: WorkDemands) -> bool:
    for level in work.levels:
        if level.eligible_by is not EligibleBy.occasional_limit:
            if is_at_least(granted, level.work_class):
                return True
        elif level.work_class is granted:
            return row.limit_lb is not None and (level.occasional.to_lb or 0) > row.limit_lb
    return False


def _x_ray_needs(rows: list[PlannedRestriction]) -> list[Needed]:
    if not rows:
        return []
    stages = tuple(sorted({row.occurrence for row in rows}))
    weakest = max(rows, key=lambda row: row.grade)
    return [Needed(Condition.xray_satisfactory, stages, weakest.grade, weakest.sources)]


def _steps_before(milestone: PlannedMilestone, plan: Plan) -> tuple[tuple[str, int], ...]:
    own = next((row for row in plan.restrictions if _is_lifted_by(row, milestone)), None)
    if own is None:
        return ()
    return tuple(
        (row.lifted_by, row.lifted_by_occurrence or row.occurrence)
        for row in plan.restrictions
        if row.kind is RestrictionKind.lifting
        and row.occurrence == own.occurrence
        and row.from_days < own.from_days
        and row.lifted_by is not None
    )
