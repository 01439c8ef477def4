"""One occurrence out of two, when a later surgery comes before an item of an earlier one is reached.

Rules: evidence file, section 2.9 (rules 2 to 4). Knows two occurrences of one milestone, not whether they are one.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from schedules.plan.items import Case, PlannedMilestone
from schedules.plan.milestones import past_policy_of
from schedules.plan.vocabulary import MilestoneKind, Phase

Pick = Callable[[date | None, date | None], date | None]

_MEDICINE_KINDS = frozenset({MilestoneKind.medicines_pause, MilestoneKind.medicines_restart})


def merge_occurrences(earlier: PlannedMilestone, later: PlannedMilestone, later_case: Case) -> PlannedMilestone:
    """Return the one occurrence that stands for both, that of the later stage, its offsets from that stage's day 0.

    After surgery each day is the later of the two, and no day (never by date, no bound) is later than any; before
    surgery it is the earlier of those that are known. The procedure named is the one that fixes the eligible day.
    """
    if later.kind == MilestoneKind.prom_followup:
        return later
    pick = _pick_of(later)
    binder = _binder(earlier, later, pick)
    eligible_on = pick(earlier.eligible_on, later.eligible_on)
    earliest_on = pick(earlier.earliest_on, later.earliest_on)
    target_on, latest_on = pick(earlier.target_on, later.target_on), pick(earlier.latest_on, later.latest_on)
    not_before_on = _later_known(earlier.not_before_on, later.not_before_on)
    stage, kind = later_case.stage, MilestoneKind(later.kind)
    return replace(
        later,
        phase=binder.phase,
        earliest_days=_days(stage.day0, earliest_on),
        target_days=_days(stage.day0, target_on),
        latest_days=_days(stage.day0, latest_on),
        earliest_on=earliest_on,
        target_on=target_on,
        latest_on=latest_on,
        eligible_days=_days(stage.day0, eligible_on),
        eligible_on=eligible_on,
        binds=binder.binds,
        binding_procedure=binder.binding_procedure,
        binding_stage=binder.binding_stage,
        grade=binder.grade,
        sources=binder.sources,
        note=binder.note,
        text=later.text or earlier.text,
        past_policy=past_policy_of(kind, stage.protocol, latest_on or target_on, later_case.known_on),
        not_before_days=_days(stage.day0, not_before_on),
        not_before_on=not_before_on,
    )


def belongs_before_surgery(item: PlannedMilestone) -> bool:
    """Return whether the item belongs to one surgery's preparation; a restart of medicines does on any day."""
    return item.phase is Phase.before_surgery or item.kind in _MEDICINE_KINDS


def _pick_of(item: PlannedMilestone) -> Pick:
    if item.kind == MilestoneKind.medicines_restart:
        return _later_known
    return _earlier_known if belongs_before_surgery(item) else _latest


def _latest(one: date | None, other: date | None) -> date | None:
    return None if one is None or other is None else max(one, other)


def _later_known(one: date | None, other: date | None) -> date | None:
    return max((on for on in (one, other) if on is not None), default=None)


def _earlier_known(one: date | None, other: date | None) -> date | None:
    return min((on for on in (one, other) if on is not None), default=None)


def _binder(earlier: PlannedMilestone, later: PlannedMilestone, pick: Pick) -> PlannedMilestone:
    """Return the item whose eligible day is the one picked; the later stage's if both are, or if both are never."""
    if earlier.eligible_on == later.eligible_on:
        return later
    return earlier if pick(earlier.eligible_on, later.eligible_on) == earlier.eligible_on else later


def _days(day0: date | None, on: date | None) -> int | None:
    return None if day0 is None or on is None else (on - day0).days
