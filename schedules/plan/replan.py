"""What a change of an episode does to its milestones and restrictions: which appear, move, stay, end.

Pure: stored items and wanted ones come in, what happens to each goes out. Knows no clock and no database.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Generic, TypeVar

from schedules.plan.diff import (
    Answer,
    EpisodeDiff,
    ItemChange,
    MessageChange,
    MilestoneChange,
    ReminderChange,
    RestrictionChange,
)
from schedules.plan.items import PlannedMilestone, PlannedRestriction
from schedules.plan.vocabulary import CancelReason

__all__ = [
    "Answer",
    "Decided",
    "EpisodeDiff",
    "ItemChange",
    "MessageChange",
    "MilestoneChange",
    "Placed",
    "ReminderChange",
    "RestrictionChange",
    "Stored",
    "Surgeries",
    "days_of",
    "decide_milestones",
    "decide_restrictions",
]

_Planned = PlannedMilestone | PlannedRestriction
Item = TypeVar("Item", bound=_Planned)


@dataclass(frozen=True, slots=True)
class Placed(Generic[Item]):
    """An item of a plan with the ids of its row and of its surgery."""

    id: str
    surgery_id: str
    planned: Item


@dataclass(frozen=True, slots=True)
class Stored(Generic[Item]):
    """An item as it is stored. `is_settled`: it was achieved, skipped or cleared."""

    surgery_id: str
    planned: Item
    is_cancelled: bool = False
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class Decided(Generic[Item]):
    """What happens to one item. `planned` is how it stands after it, `was` how it stood; None: not stored, or ended."""

    id: str
    surgery_id: str
    change: ItemChange
    planned: Item
    was: Item | None = None
    cancel_reason: CancelReason | None = None


@dataclass(frozen=True, slots=True)
class Surgeries:
    """What the ending of an item follows from: which surgeries were called off, which follow another protocol now.

    `day0s` are the days of surgery by the stage's ordinal.
    """

    cancelled: frozenset[str] = frozenset()
    repinned: frozenset[str] = frozenset()
    day0s: Mapping[int, date | None] = field(default_factory=dict)


def decide_milestones(
    stored: Mapping[str, Stored[PlannedMilestone]],
    wanted: Mapping[str, Placed[PlannedMilestone]],
    surgeries: Surgeries,
) -> list[Decided[PlannedMilestone]]:
    """Return what happens to each milestone, by id: those of the new plan in its order, then those that it lacks.

    What was achieved, skipped or cleared keeps its dates, and is never cancelled: where a later stage's occurrence
    takes its place, it says so. A cancelled one that is still not wanted is left out: nothing happens to it.
    """
    decided = [_decide_milestone(each, stored.get(each.id)) for each in wanted.values()]
    heirs = _heirs(wanted.values(), surgeries)
    for item_id, each in stored.items():
        if item_id in wanted or (each.is_cancelled and not each.is_settled):
            continue
        heir = _heir_of(each.planned, heirs.get(each.planned.key, ()), surgeries)
        if each.is_settled:
            decided.append(_keep(item_id, each, heir, surgeries))
        else:
            decided.append(_cancel(item_id, each, surgeries, is_merged=heir is not None))
    return decided


def decide_restrictions(
    stored: Mapping[str, Stored[PlannedRestriction]],
    wanted: Mapping[str, Placed[PlannedRestriction]],
    surgeries: Surgeries,
) -> list[Decided[PlannedRestriction]]:
    """Return what happens to each restriction, as `decide_milestones` does. None of them is ever merged."""
    decided = [_decide(each, stored.get(each.id)) for each in wanted.values()]
    gone = ((item_id, each) for item_id, each in stored.items() if item_id not in wanted and not each.is_cancelled)
    return decided + [_cancel(item_id, each, surgeries, is_merged=False) for item_id, each in gone]


def _decide_milestone(
    wanted: Placed[PlannedMilestone], stored: Stored[PlannedMilestone] | None
) -> Decided[PlannedMilestone]:
    if stored is None or not stored.is_settled:
        return _decide(wanted, stored)
    later = wanted.planned
    kept = replace(stored.planned, superseded_on=later.superseded_on, superseded_by=later.superseded_by)
    return Decided(wanted.id, stored.surgery_id, ItemChange.kept, kept, stored.planned)


def _decide(wanted: Placed[Item], stored: Stored[Item] | None) -> Decided[Item]:
    if stored is None or stored.is_cancelled:
        return Decided(wanted.id, wanted.surgery_id, _first_change(wanted.planned), wanted.planned)
    change = _change_between(stored.planned, wanted.planned)
    return Decided(wanted.id, wanted.surgery_id, change, wanted.planned, stored.planned)


def _first_change(planned: _Planned) -> ItemChange:
    is_past = isinstance(planned, PlannedMilestone) and planned.past_policy is not None
    return ItemChange.past if is_past else ItemChange.added


def _change_between(was: _Planned, planned: _Planned) -> ItemChange:
    if was == planned:
        return ItemChange.unchanged
    if isinstance(was, PlannedMilestone) and isinstance(planned, PlannedMilestone):
        if planned.past_policy is not None and was.past_policy is None:
            return ItemChange.past
        if planned.superseded_on is not None and was.superseded_on is None:
            return ItemChange.superseded
    return ItemChange.moved if days_of(was) != days_of(planned) else ItemChange.changed


def days_of(planned: _Planned) -> tuple[date | None, ...]:
    """Return the dates of an item: of a milestone its window and eligible day, of a restriction its span as well."""
    if isinstance(planned, PlannedMilestone):
        return planned.earliest_on, planned.target_on, planned.latest_on, planned.eligible_on
    return planned.from_on, planned.through_on, planned.eligible_on


_Place = tuple[date, int]


def _heirs(wanted: Iterable[Placed[PlannedMilestone]], surgeries: Surgeries) -> dict[str, list[_Place]]:
    """Return for each key the places of the wanted occurrences that have a date, in the order of their stages."""
    heirs: dict[str, list[_Place]] = {}
    for each in wanted:
        day0 = surgeries.day0s.get(each.planned.occurrence)
        if day0 is not None:
            heirs.setdefault(each.planned.key, []).append((day0, each.planned.occurrence))
    return {key: sorted(places) for key, places in heirs.items()}


def _heir_of(planned: PlannedMilestone, heirs: Iterable[_Place], surgeries: Surgeries) -> int | None:
    """Return the stage whose occurrence takes an item's place: the first after its own stage."""
    day0 = surgeries.day0s.get(planned.occurrence)
    if day0 is None:
        return None
    return next((ordinal for on, ordinal in heirs if (on, ordinal) > (day0, planned.occurrence)), None)


def _keep(
    item_id: str, stored: Stored[PlannedMilestone], heir: int | None, surgeries: Surgeries
) -> Decided[PlannedMilestone]:
    kept = stored.planned
    if heir is not None:
        kept = replace(kept, superseded_on=surgeries.day0s[heir], superseded_by=heir)
    return Decided(item_id, stored.surgery_id, ItemChange.kept, kept, stored.planned)


def _cancel(item_id: str, stored: Stored[Item], surgeries: Surgeries, *, is_merged: bool) -> Decided[Item]:
    if stored.surgery_id in surgeries.cancelled:
        change, reason = ItemChange.cancelled, CancelReason.surgery_cancelled
    elif is_merged:
        change, reason = ItemChange.merged, CancelReason.merged
    elif stored.surgery_id in surgeries.repinned:
        change, reason = ItemChange.cancelled, CancelReason.protocol_changed
    else:
        change, reason = ItemChange.cancelled, CancelReason.not_applicable
    return Decided(item_id, stored.surgery_id, change, stored.planned, stored.planned, reason)
