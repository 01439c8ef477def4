"""How things are limited on one day, and which of two limits is the stricter. Knows no plan and no clearance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from schedules.plan.lifted import WORK_CLASSES
from schedules.plan.protocol import PoundsRange, Text
from schedules.plan.vocabulary import Grade, LimitState, Procedure, WorkClass

HELD = (LimitState.eligible, LimitState.restricted)
_STRICTNESS = {LimitState.none: 0, LimitState.cleared: 1, LimitState.eligible: 2, LimitState.restricted: 3}
_NO_AMOUNT = 10**6


@dataclass(frozen=True, slots=True)
class Limit:
    """How one thing is limited on a day.

    `limit_lb` (pounds) and `limit_minutes` (at a time) are None where the limit is neither, or holds no more. It holds
    from `since_on` through `until_on` (None: until a clinician clears it, from `eligible_on` on at the earliest).
    `raised_by` is the class of work whose clearance raised the pounds, `cleared_on` the day of the clearance.
    """

    state: LimitState
    limit_lb: int | None = None
    limit_minutes: int | None = None
    since_on: date | None = None
    until_on: date | None = None
    eligible_on: date | None = None
    lifted_by: str | None = None
    lifted_by_occurrence: int | None = None
    condition: str | None = None
    cleared_on: date | None = None
    raised_by: WorkClass | None = None
    binding_procedure: Procedure | None = None
    binding_stage: int | None = None
    grade: Grade | None = None
    sources: tuple[str, ...] = ()
    text: Text | None = None


NO_LIMIT = Limit(LimitState.none)


@dataclass(frozen=True, slots=True)
class ClassLimit:
    """One class of work: how it stands, and its pounds by frequency. A frequency that is None is negligible."""

    work_class: WorkClass
    limit: Limit
    occasional: PoundsRange
    frequent: PoundsRange | None
    constant: PoundsRange | None


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """Work: the patient's own class, the heaviest that is permitted now (None: none is), and each class by itself."""

    own_class: WorkClass | None
    permitted_class: WorkClass | None
    limit: Limit
    classes: tuple[ClassLimit, ...]


@dataclass(frozen=True, slots=True)
class SportLimits:
    """Sport by level."""

    low_impact: Limit
    non_contact: Limit
    contact: Limit


@dataclass(frozen=True, slots=True)
class DayLimits:
    """Everything that is limited on the day `on`."""

    on: date
    lifting: Limit
    bending_twisting: Limit
    driving: Limit
    sitting: Limit
    brace: Limit
    sport: SportLimits
    work: WorkLimits


def _severity(limit: Limit) -> tuple[bool, int, int, int, int, str, str]:
    """Return what orders limits: the smaller amount first, then restricted before eligible, then the later day."""
    is_held = limit.state in HELD
    amount = limit.limit_lb if limit.limit_minutes is None else limit.limit_minutes
    eligible = date.max.toordinal() if limit.eligible_on is None else limit.eligible_on.toordinal()
    return (
        is_held,
        -(_NO_AMOUNT if amount is None else amount) if is_held else 0,
        _STRICTNESS[limit.state],
        eligible,
        limit.binding_stage or 0,
        limit.binding_procedure or "",
        limit.lifted_by or "",
    )


def strictest_of(limits: Iterable[Limit]) -> Limit:
    """Return the strictest of some limits; without any, that there is none."""
    return max(limits, key=_severity, default=NO_LIMIT)


def strictest(days: Iterable[DayLimits]) -> DayLimits:
    """Return the strictest of one patient's limits of one day over several episodes, at least one."""
    first, *others = days
    for other in others:
        first = _stricter_day(first, other)
    return first


def permitted_class(limits: Mapping[WorkClass, Limit], own_class: WorkClass | None) -> WorkClass | None:
    """Return the heaviest class of work that no limit forbids: the patient's own where nothing limits work."""
    if all(limit.state is LimitState.none for limit in limits.values()):
        return own_class if own_class in WORK_CLASSES else None
    allowed = [each for each in WORK_CLASSES if each in limits and limits[each].state not in HELD]
    return allowed[-1] if allowed else None


def _stricter_day(one: DayLimits, other: DayLimits) -> DayLimits:
    def stricter(kind: str) -> Limit:
        return strictest_of((getattr(one, kind), getattr(other, kind)))

    return DayLimits(
        on=one.on,
        lifting=stricter("lifting"),
        bending_twisting=stricter("bending_twisting"),
        driving=stricter("driving"),
        sitting=stricter("sitting"),
        brace=stricter("brace"),
        sport=SportLimits(
            low_impact=strictest_of((one.sport.low_impact, other.sport.low_impact)),
            non_contact=strictest_of((one.sport.non_contact, other.sport.non_contact)),
            contact=strictest_of((one.sport.contact, other.sport.contact)),
        ),
        work=_stricter_work(one.work, other.work),
    )


def _stricter_work(one: WorkLimits, other: WorkLimits) -> WorkLimits:
    """Of two episodes, one without a limit for work leaves what the other permits."""
    classes = tuple(
        replace(each, limit=strictest_of((each.limit, twin.limit)))
        for each, twin in zip(one.classes, other.classes, strict=True)
    )
    limits = {each.work_class: each.limit for each in classes}
    return WorkLimits(
        own_class=one.own_class,
        permitted_class=permitted_class(limits, one.own_class),
        limit=strictest_of((one.limit, other.limit)),
        classes=classes,
    )
