"""Which messages a plan gives and what becomes of each: planned, or why there will be none.

Knows no clock and no channel; texts are rendered when a message is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from schedules.plan.check_ins import CheckInDay
from schedules.plan.digest import PastItem, gather, stages_run_until
from schedules.plan.drafts import (
    FIRST_SENDING,
    PLANNED,
    Draft,
    Identity,
    PlannedReminder,
    ReminderPrefs,
    draft_all,
    draft_check_ins,
    is_superseded,
)
from schedules.plan.errors import PlanError, describe
from schedules.plan.items import Plan, PlannedMilestone
from schedules.plan.past import settle_missed, unless_quiet_too_long
from schedules.plan.protocol import ReminderRules
from schedules.plan.timing import local_time
from schedules.plan.vocabulary import MilestoneKind, ReminderOutcome

__all__ = [
    "FIRST_SENDING",
    "PLANNED",
    "Identity",
    "PlannedReminder",
    "ReminderPrefs",
    "StageMessages",
    "plan_reminders",
]


@dataclass(frozen=True, slots=True)
class StageMessages:
    """What the messages about one stage follow: its protocol's rules, and the instant from which on we knew its date.

    `signed` are the keys of the milestones whose slot is filled and signed for the present day 0, `check_in_days` the
    days on which the clinic's rhythm asks for a check-in after this stage.
    """

    rules: ReminderRules
    known_at: datetime
    signed: frozenset[str] = frozenset()
    check_in_days: tuple[CheckInDay, ...] = ()


def plan_reminders(
    plan: Plan,
    messages: Mapping[int, StageMessages],
    prefs: ReminderPrefs,
    *,
    silent: frozenset[tuple[str, int]] = frozenset(),
    said: frozenset[Identity] = frozenset(),
) -> tuple[PlannedReminder, ...]:
    """Return a reminder for every rule of every dated milestone, those that will not be sent with the reason.

    `messages` are keyed by the stage's ordinal; an occurrence follows those of its stage. `silent` are the occurrences
    (milestone key, ordinal) of which another episode of the patient speaks, `said` the reminders that no digest says
    again. Ordered by due time. Raises PlanError if an instant lies outside years 1 to 9999, a `known_at` is naive, or a
    stage of the plan has no messages.
    """
    for each in messages.values():
        local_time(each.known_at, prefs.clinic_zone)
    reminders: list[PlannedReminder] = []
    for_digest: list[PastItem] = []
    for milestone in plan.milestones:
        of_stage = _of_stage(messages, milestone.occurrence)
        drafts = _draft(milestone, of_stage, prefs)
        is_silent = (milestone.key, milestone.occurrence) in silent
        settled = _settle(milestone, drafts, of_stage, prefs, is_silent=is_silent)
        reminders += settled
        for_digest += _for_digest(milestone, drafts, settled, of_stage.known_at)
    if for_digest:
        gathered = gather(for_digest, prefs, runs_until=stages_run_until(plan.milestones), said=said)
        reminders = [each for each in reminders if each.outcome is not ReminderOutcome.past_digest] + gathered
    return tuple(sorted(reminders, key=lambda item: (item.due_at, item.occurrence, item.milestone_key, item.key)))


def _draft(milestone: PlannedMilestone, messages: StageMessages, prefs: ReminderPrefs) -> list[Draft]:
    templates = messages.rules.for_kind(MilestoneKind(milestone.kind))
    if milestone.key == MilestoneKind.check_in:
        return draft_check_ins(milestone, templates, messages.check_in_days, prefs)
    return draft_all(milestone, templates, prefs)


def _for_digest(
    milestone: PlannedMilestone, drafts: Sequence[Draft], settled: Sequence[PlannedReminder], known_at: datetime
) -> Iterator[PastItem]:
    for reminder in settled:
        if reminder.outcome is ReminderOutcome.past_digest:
            (draft,) = (each for each in drafts if each.reminder.identity == reminder.identity)
            next_at = min((each.due_at for each in settled if each.outcome is PLANNED), default=None)
            yield PastItem(milestone, draft, known_at, next_at)


def _of_stage(messages: Mapping[int, StageMessages], ordinal: int) -> StageMessages:
    found = messages.get(ordinal)
    if found is None:
        raise PlanError("messages", "rules for each stage", f"none for stage {describe(ordinal)}")
    return found


def _settle(
    milestone: PlannedMilestone,
    drafts: Sequence[Draft],
    messages: StageMessages,
    prefs: ReminderPrefs,
    *,
    is_silent: bool,
) -> list[PlannedReminder]:
    ended = [draft.reminder for draft in drafts if is_superseded(draft.reminder, milestone, prefs)]
    settled = [replace(reminder, outcome=ReminderOutcome.superseded) for reminder in ended]
    open_ones = [draft for draft in drafts if draft.reminder not in ended]
    if is_silent:
        return settled + [replace(draft.reminder, outcome=ReminderOutcome.said_elsewhere) for draft in open_ones]
    missed = [draft for draft in open_ones if draft.reminder.useful_until <= messages.known_at]
    ahead = [draft.reminder for draft in open_ones if draft.reminder.useful_until > messages.known_at]
    if milestone.kind == MilestoneKind.fasting and milestone.key not in messages.signed:
        ahead = [replace(reminder, outcome=ReminderOutcome.not_signed) for reminder in ahead]
    ahead = [unless_quiet_too_long(reminder) for reminder in ahead]
    return [*settled, *ahead, *settle_missed(milestone, missed, ahead, prefs, messages.known_at)]
