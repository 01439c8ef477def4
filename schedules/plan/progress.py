"""How one milestone stands on a day. Computed on read from dates and facts, never stored.

Targets are medians, so "behind" begins after the latest day. What waits for a clinician is never the patient's
lateness, and neither is what was past before we knew the patient. `docs/vectors` says the same for any app; a change
here is a change there. Knows one milestone at a time: `course` knows the whole plan.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from schedules.plan.items import PlannedMilestone
from schedules.plan.vocabulary import MilestoneState, Owner, PastPolicy, Phase, RestrictionKind, SkipReason


class SlotState(StrEnum):
    """How an item stands that depends on the person: what a clinician entered for the present day of surgery."""

    blank = "blank"
    unsigned = "unsigned"
    filled = "filled"


@dataclass(frozen=True, slots=True)
class MilestoneFacts:
    """What a plan says of a milestone, as far as its state depends on it.

    `slot` None: nothing is to be entered. `slot_until_on` is the last day on which an entry is of use; None: any is.
    """

    phase: Phase
    earliest_on: date | None
    target_on: date | None
    latest_on: date | None
    eligible_on: date | None
    lifts: RestrictionKind | None
    owner: Owner
    past_policy: PastPolicy | None
    superseded_on: date | None = None
    slot: SlotState | None = None
    slot_until_on: date | None = None

    @property
    def due_on(self) -> date | None:
        """Return the day from which the item is due, or eligible if it lifts; None if no day fixes it."""
        return self.latest_on if self.target_on is None else self.eligible_on

    @property
    def closes_on(self) -> date | None:
        """Return the last day on which it is in time: never before it is due. None without an end."""
        if self.latest_on is None or self.due_on is None:
            return None
        return max(self.latest_on, self.due_on)


@dataclass(frozen=True, slots=True)
class ClearedSpan:
    """A clinician's clearance of the whole item: from `cleared_on` up to, not including, `revoked_on`."""

    cleared_on: date
    revoked_on: date | None = None

    def holds(self, on: date) -> bool:
        """Return whether the clearance holds on a day."""
        return self.cleared_on <= on and (self.revoked_on is None or on < self.revoked_on)


@dataclass(frozen=True, slots=True)
class ProgressFacts:
    """What people reported of a milestone: dates of the clinic's calendar, None for what did not happen."""

    achieved_on: date | None = None
    clearances: tuple[ClearedSpan, ...] = ()
    skipped_on: date | None = None
    skip_reason: SkipReason | None = None
    cancelled_on: date | None = None


NO_PROGRESS = ProgressFacts()
FINISHED = frozenset(
    {MilestoneState.achieved, MilestoneState.cleared, MilestoneState.skipped, MilestoneState.cancelled}
)
_LEFT_OUT = frozenset({PastPolicy.skip, PastPolicy.not_applicable})


def facts_of(
    milestone: PlannedMilestone, *, slot: SlotState | None = None, slot_until_on: date | None = None
) -> MilestoneFacts:
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
        superseded_on=milestone.superseded_on,
        slot=slot,
        slot_until_on=slot_until_on,
    )


def milestone_state(milestone: MilestoneFacts, progress: ProgressFacts, on: date) -> MilestoneState:
    """Return how the milestone stands on the date `on` of the clinic's calendar.

    A fact counts from its own date on. What happened outlives a later cancellation or skip, and a later stage. An item
    that was past at enrolment and is skipped or not applicable by policy is `skipped`. What a later stage supersedes
    before it is finished is `cancelled` from that stage's day on. One before surgery whose window has closed is
    `skipped`: surgery has come, and nobody makes up for it.
    """
    reported = _reported_state(progress, on)
    if reported is not None:
        return reported
    if milestone.past_policy in _LEFT_OUT:
        return MilestoneState.skipped
    if is_reached(milestone.superseded_on, on):
        return MilestoneState.cancelled
    return _state_by_date(milestone, on)


def is_reached(day: date | None, on: date) -> bool:
    """Return whether `on` is `day` or later; False if there is no such day."""
    return day is not None and day <= on


def _state_by_date(milestone: MilestoneFacts, on: date) -> MilestoneState:
    if milestone.earliest_on is None:
        return MilestoneState.unscheduled
    if on < milestone.earliest_on:
        return MilestoneState.upcoming
    if milestone.phase is Phase.before_surgery and milestone.latest_on is not None and on > milestone.latest_on:
        return MilestoneState.skipped
    return _state_in_or_after_window(milestone, on)


def _reported_state(progress: ProgressFacts, on: date) -> MilestoneState | None:
    if any(span.holds(on) for span in progress.clearances):
        return MilestoneState.cleared
    reports = (
        (progress.achieved_on, MilestoneState.achieved),
        (progress.cancelled_on, MilestoneState.cancelled),
        (progress.skipped_on, MilestoneState.skipped),
    )
    return next((state for reported_on, state in reports if is_reached(reported_on, on)), None)


def _state_in_or_after_window(milestone: MilestoneFacts, on: date) -> MilestoneState:
    if not is_reached(milestone.due_on, on):
        return MilestoneState.open
    if milestone.lifts is not None:
        return MilestoneState.eligible
    closes_on = milestone.closes_on
    is_late = closes_on is not None and on > closes_on
    if is_late and milestone.owner is Owner.patient and milestone.past_policy is None:
        return MilestoneState.overdue
    return MilestoneState.due
