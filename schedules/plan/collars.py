"""Braces and collars of one stage that hold an item of another: driving, exercise and therapy wait until it is off.

Rules: evidence file, section 11. A stage that has the item itself counts its own collar; this is for one that has not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from schedules.plan.items import PlannedMilestone
from schedules.plan.kinds import rule_of
from schedules.plan.vocabulary import Binding, MilestoneKind


@dataclass(frozen=True, slots=True)
class Collar:
    """A brace or collar that was ordered: worn from `day0` until `off`. `keys`: what the stage plans itself."""

    day0: date
    off: PlannedMilestone
    keys: frozenset[str]

    @classmethod
    def of_stage(cls, day0: date, items: Iterable[PlannedMilestone]) -> "Collar | None":
        """Return the collar of a stage with these milestones; None if none was ordered."""
        own = tuple(items)
        off = next((item for item in own if item.kind == MilestoneKind.brace_wean), None)
        return None if off is None else cls(day0, off, frozenset(item.key for item in own))


def held_by_collars(item: PlannedMilestone, day0: date, collars: Iterable[Collar]) -> PlannedMilestone:
    """Return `item`, whose days count from `day0`, not eligible before the collars of other stages are off.

    `collars` come by day of surgery. A collar without a day holds without a day.
    """
    if rule_of(MilestoneKind(item.kind)).waits_for_collar:
        for collar in collars:
            if item.key not in collar.keys and _is_on(collar, item.eligible_on):
                item = _after(item, day0, collar.off)
    return item


def _is_on(collar: Collar, on: date | None) -> bool:
    if on is None or on < collar.day0:
        return False
    return collar.off.eligible_on is None or on < collar.off.eligible_on


def _after(item: PlannedMilestone, day0: date, off: PlannedMilestone) -> PlannedMilestone:
    return replace(
        item,
        eligible_days=None if off.eligible_on is None else (off.eligible_on - day0).days,
        eligible_on=off.eligible_on,
        binds=Binding.collar,
        binding_procedure=off.binding_procedure,
        binding_stage=off.binding_stage,
    )
