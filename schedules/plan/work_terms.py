"""On which terms a patient works on one day: the three values, the restrictions at work, the pounds by frequency.

Rules: evidence file, section 8. Reads the limits of the day and adds none of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from schedules.plan.day_limits import HELD, ClassLimit, DayLimits, Limit
from schedules.plan.lifted import is_at_least
from schedules.plan.protocol import PoundsRange
from schedules.plan.vocabulary import RestrictionKind, WorkClass, WorkStatus

# Sport is no restriction of work.
KINDS_AT_WORK = (
    RestrictionKind.lifting,
    RestrictionKind.bending_twisting,
    RestrictionKind.driving,
    RestrictionKind.sitting,
    RestrictionKind.brace,
)


@dataclass(frozen=True, slots=True)
class WorkRestriction:
    """One restriction at work, with its pounds or minutes at a time where it is either."""

    kind: RestrictionKind
    limit_lb: int | None
    limit_minutes: int | None


@dataclass(frozen=True, slots=True)
class Handling:
    """Pounds by how much of the working day they are handled. A frequency that is None is negligible."""

    occasional: PoundsRange
    frequent: PoundsRange | None
    constant: PoundsRange | None


@dataclass(frozen=True, slots=True)
class WorkTerms:
    """On which terms a patient works on a day. `work_class` is the heaviest that is permitted; None: none, or no limit.

    `handling` are that class's pounds, lowered to the lifting limit; None if nothing is permitted or limited.
    """

    status: WorkStatus
    work_class: WorkClass | None
    restrictions: tuple[WorkRestriction, ...]
    handling: Handling | None


def work_terms(limits: DayLimits) -> WorkTerms:
    """Return on which terms a patient works under the limits of a day.

    Prevented while no class of work is permitted. A class below the patient's own, a class that is not known, and any
    limit at work make it work with restrictions.
    """
    own, permitted = limits.work.own_class, limits.work.permitted_class
    held = tuple(_restrictions(limits))
    if permitted is None:
        return WorkTerms(WorkStatus.prevented, None, held, None)
    free = own is not None and is_at_least(permitted, own) and not held
    if free:
        return WorkTerms(WorkStatus.without_restrictions, None, (), None)
    return WorkTerms(WorkStatus.with_restrictions, permitted, held, _handling(limits, permitted))


def _restrictions(limits: DayLimits) -> Iterator[WorkRestriction]:
    for kind in KINDS_AT_WORK:
        limit: Limit = getattr(limits, kind)
        if limit.state in HELD:
            yield WorkRestriction(kind, limit.limit_lb, limit.limit_minutes)


def _handling(limits: DayLimits, permitted: WorkClass) -> Handling | None:
    level = next((each for each in limits.work.classes if each.work_class is permitted), None)
    if level is None:
        return None
    most_lb = limits.lifting.limit_lb if limits.lifting.state in HELD else None
    return Handling(_lowered(level.occasional, most_lb), *_rarer(level, most_lb))


def _rarer(level: ClassLimit, most_lb: int | None) -> tuple[PoundsRange | None, PoundsRange | None]:
    frequent, constant = level.frequent, level.constant
    return (
        None if frequent is None else _lowered(frequent, most_lb),
        None if constant is None else _lowered(constant, most_lb),
    )


def _lowered(pounds: PoundsRange, most_lb: int | None) -> PoundsRange:
    """Return the upper bound alone, lowered to `most_lb`: what a job may ask at least is nobody's restriction."""
    bounds = [bound for bound in (pounds.to_lb, most_lb) if bound is not None]
    return PoundsRange(None, min(bounds, default=None))
