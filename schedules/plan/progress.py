"""How a milestone stands on a day, and what comes next. Computed on read from dates and facts, never stored.

Targets are medians, so "behind" begins after the latest day. What waits for a clinician is never the patient's
lateness, and neither is what was past before we knew the patient.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from schedules.plan.items import Plan, PlannedMilestone
from schedules.plan.vocabulary import MilestoneState, Owner, PastPolicy, Phase, RestrictionKind


@dataclass(frozen=True, slots=True)
class MilestoneFacts:
    """What a plan says of a milestone, as far as its state depends on it."""

    phase: Phase
    earliest_on: date | None
    target_on: date | None
    latest_on: date | None
    eligible_on: date | None
    lifts: RestrictionKind | None
    owner: Owner
    past_policy: PastPolicy | None


@dataclass(frozen=True, slots=True)
class ProgressFacts:
    """What people reported of a milestone: dates of the clinic's calendar, None for what did not happen."""

    achieved_on: date | None = None
    cleared_on: date | None = None
    skipped_on: date | None = None
    cancelled_on: date | None = None


NO_PROGRESS = ProgressFacts()
_FINISHED = frozenset(
    {MilestoneState.achieved, MilestoneState.cleared, MilestoneState.skipped, MilestoneState.cancelled}
)
_NOTHING_REPORTED: Mapping[tuple[str, int], ProgressFacts] = MappingProxyType({})


def facts_of(milestone: PlannedMilestone) -> MilestoneFacts:
    """Return what the state of `milestone` depends on."""
    return MilestoneFacts(
        phase=milestone.phase,
        earliest_on=milestone.earliest_on,
        target_on=milestone.target_on,
        latest_on=milestone.latest_on,
        eligible_on=milestone.eligible_on,
        lifts=milestone.lifts,
        owner=milestone.owner,
        past_policy=milestone.past_policy,
    )


def milestone_state(milestone: MilestoneFacts, progress: ProgressFacts, on: date) -> MilestoneState:
    """Return how the milestone stands on the date `on` of the clinic's calendar.

    A fact counts from its own date on. What happened outlives a later cancellation or skip. An item that was past at
    enrolment and is skipped or not applicable by policy is `skipped`, and so is one before surgery whose window has
    closed: surgery has come, and nobody makes up for it.
    """
    reported = _reported_state(progress, on)
    if reported is not None:
        return reported
    if milestone.past_policy in (PastPolicy.skip, PastPolicy.not_applicable):
        return MilestoneState.skipped
    if milestone.earliest_on is None:
        return MilestoneState.unscheduled
    if on < milestone.earliest_on:
        return MilestoneState.upcoming
    if milestone.phase is Phase.before_surgery and milestone.latest_on is not None and on > milestone.latest_on:
        return MilestoneState.skipped
    return _state_in_or_after_window(milestone, on)


def next_items(
    plan: Plan,
    on: date,
    *,
    progress: Mapping[tuple[str, int], ProgressFacts] = _NOTHING_REPORTED,
    count: int = 3,
) -> tuple[PlannedMilestone, ...]:
    """Return the next `count` items that are not finished and whose window has not closed, by the day they fall due.

    `progress` is keyed by (milestone key, occurrence). Items without a date are left out.
    """
    waiting: list[tuple[date, PlannedMilestone]] = []
    for milestone in plan.milestones:
        due_on = milestone.eligible_on
        last_on = max(filter(None, (due_on, milestone.latest_on)), default=None)
        facts = progress.get((milestone.key, milestone.occurrence), NO_PROGRESS)
        finished = milestone_state(facts_of(milestone), facts, on) in _FINISHED
        if due_on is not None and last_on is not None and last_on >= on and not finished:
            waiting.append((due_on, milestone))
    waiting.sort(key=lambda item: item[0])
    return tuple(milestone for _, milestone in waiting[:count])


def _reported_state(progress: ProgressFacts, on: date) -> MilestoneState | None:
    reports = (
        (progress.cleared_on, MilestoneState.cleared),
        (progress.achieved_on, MilestoneState.achieved),
        (progress.cancelled_on, MilestoneState.cancelled),
        (progress.skipped_on, MilestoneState.skipped),
    )
    return next((state for reported_on, state in reports if reported_on is not None and reported_on <= on), None)


def _state_in_or_after_window(milestone: MilestoneFacts, on: date) -> MilestoneState:
    due_on = milestone.latest_on if milestone.target_on is None else milestone.eligible_on
    is_due = due_on is not None and on >= due_on
    if milestone.lifts is not None:
        return MilestoneState.eligible if is_due else MilestoneState.open
    is_behind = milestone.latest_on is not None and on > milestone.latest_on and milestone.past_policy is None
    if is_due and is_behind and milestone.owner is Owner.patient:
        return MilestoneState.overdue
    return MilestoneState.due if is_due else MilestoneState.open
