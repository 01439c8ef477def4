"""Which occurrence of a milestone stands when an episode has several surgeries, and which of them binds its day.

Rules: evidence file, section 2.9. Stages are taken by day of surgery. An item whose day comes before the next stage has
its own occurrence; else the two are one, that of the later stage, and the latest date binds. Knows one line of
occurrences at a time, no order of a protocol and no clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from schedules.plan.collars import Collar, held_by_collars
from schedules.plan.items import Case, PlannedMilestone
from schedules.plan.merging import belongs_before_surgery, merge_occurrences
from schedules.plan.vocabulary import MilestoneKind, Phase

_NEVER_MERGED = MilestoneKind.lifting_step
_BETWEEN_STAGES_DAYS = 14  # evidence file, section 2.9 (rule 4): the baseline between stages, grade E
_LAST_DAY_BEFORE = -1


@dataclass(frozen=True, slots=True)
class Combined:
    """What each occurrence of the stages has become: itself where nothing is said, or that of a later stage."""

    _became: Mapping[tuple[str, int], PlannedMilestone]

    def standing(self, own: PlannedMilestone) -> PlannedMilestone:
        """Return the occurrence that stands for a stage's own item."""
        return self._became.get((own.key, own.occurrence), own)

    def of_stage(self, ordinal: int, own: Iterable[PlannedMilestone]) -> list[PlannedMilestone]:
        """Return those of a stage's own items that stand under its ordinal, in the order given."""
        return [standing for item in own if (standing := self.standing(item)).occurrence == ordinal]


@dataclass(frozen=True, slots=True)
class _Group:
    """Occurrences that are one: `item` stands for them, `first_on` and `last_on` are days of surgery."""

    item: PlannedMilestone
    ordinals: tuple[int, ...]
    first_on: date
    last_on: date


@dataclass(frozen=True, slots=True)
class _Entry:
    case: Case
    day0: date
    item: PlannedMilestone


def combine(planned: Sequence[tuple[Case, Sequence[PlannedMilestone]]]) -> Combined:
    """Return what becomes of each stage's own milestones. Stages without a date stay apart.

    Raises PlanError if a date leaves the calendar.
    """
    dated = [(case.stage.day0, case, items) for case, items in planned if case.stage.day0 is not None]
    if len(dated) < 2:
        return Combined({})
    dated.sort(key=lambda each: (each[0], each[1].stage.ordinal))
    collars = [collar for day0, _, items in dated if (collar := Collar.of_stage(day0, items)) is not None]
    lines: dict[tuple[str, str], list[_Entry]] = {}
    for day0, case, items in dated:
        for item in items:
            if item.kind != _NEVER_MERGED:
                held = held_by_collars(item, day0, collars)
                lines.setdefault((item.key, item.kind), []).append(_Entry(case, day0, held))
    became: dict[tuple[str, int], PlannedMilestone] = {}
    for line in lines.values():
        for group in _superseded(_between_stages(_groups(line))):
            became |= {(group.item.key, ordinal): group.item for ordinal in group.ordinals}
    return Combined(became)


def _groups(line: Sequence[_Entry]) -> list[_Group]:
    """Return the occurrences that stand, by day of surgery."""
    groups: list[_Group] = []
    for entry in line:
        ordinal = entry.item.occurrence
        if groups and _joins(groups[-1], entry):
            group = groups[-1]
            item = merge_occurrences(group.item, entry.item, entry.case)
            groups[-1] = _Group(item, (*group.ordinals, ordinal), group.first_on, entry.day0)
        else:
            groups.append(_Group(entry.item, (ordinal,), entry.day0, entry.day0))
    return groups


def _joins(group: _Group, entry: _Entry) -> bool:
    """Whether the next stage finds the item still ahead, so that there is one occurrence and not two."""
    item = group.item
    if belongs_before_surgery(entry.item):
        return group.last_on == entry.day0
    if item.kind == MilestoneKind.prom_followup:
        return item.latest_on is None or (entry.day0 - item.latest_on).days <= _BETWEEN_STAGES_DAYS
    if item.eligible_on is None or item.eligible_on >= entry.day0:  # never before the target
        return True
    return item.kind == MilestoneKind.incision and _windows_overlap(item, entry.item)


def _windows_overlap(earlier: PlannedMilestone, later: PlannedMilestone) -> bool:
    if earlier.latest_on is None or later.earliest_on is None:
        return True
    return earlier.latest_on >= later.earliest_on


def _superseded(groups: Sequence[_Group]) -> list[_Group]:
    """From a later stage's day 0 on its own occurrence takes the place of the one before."""
    return [*(_superseded_by(group, following) for group, following in pairwise(groups)), groups[-1]]


def _superseded_by(group: _Group, following: _Group) -> _Group:
    if group.item.phase is Phase.before_surgery:
        return group
    item = replace(group.item, superseded_on=following.first_on, superseded_by=following.item.occurrence)
    return replace(group, item=item)


def _between_stages(groups: Sequence[_Group]) -> list[_Group]:
    """A later stage's baseline is answered between the stages, in the last two weeks before it."""
    if groups[0].item.kind != MilestoneKind.prom_baseline:
        return list(groups)
    return [groups[0], *(_not_before_the_last_stage(group, last.last_on) for last, group in pairwise(groups))]


def _not_before_the_last_stage(group: _Group, last_on: date) -> _Group:
    first_days = max(-_BETWEEN_STAGES_DAYS, (last_on - group.first_on).days + 1)
    first_days = min(first_days, _LAST_DAY_BEFORE)
    first_on = date.fromordinal(group.first_on.toordinal() + first_days)
    item = group.item
    raised = replace(
        item,
        earliest_days=_later_days(item.earliest_days, first_days),
        target_days=_later_days(item.target_days, first_days),
        eligible_days=_later_days(item.eligible_days, first_days),
        earliest_on=_later_on(item.earliest_on, first_on),
        target_on=_later_on(item.target_on, first_on),
        eligible_on=_later_on(item.eligible_on, first_on),
    )
    return replace(group, item=raised)


def _later_days(days: int | None, first_days: int) -> int | None:
    return None if days is None else max(days, first_days)


def _later_on(on: date | None, first_on: date) -> date | None:
    return None if on is None else max(on, first_on)
