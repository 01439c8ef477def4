"""What becomes of messages whose day was past when the date became known: the past policies of the rules.

Knows no clock: the instant from which on the date was known comes in.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from schedules.plan.drafts import PLANNED, Draft, PlannedReminder, ReminderPrefs, draft_for
from schedules.plan.items import PlannedMilestone
from schedules.plan.protocol import ReminderTemplate
from schedules.plan.timing import days_after, local_time, next_open_day, wall_instant
from schedules.plan.vocabulary import PastPolicy, Phase, ReminderOutcome, WeekendRule

_PAST_OUTCOMES = {
    PastPolicy.skip: ReminderOutcome.past_skip,
    PastPolicy.not_applicable: ReminderOutcome.past_not_applicable,
    PastPolicy.ask_coordinator: ReminderOutcome.asked_coordinator,
    PastPolicy.catch_up: ReminderOutcome.past_superseded,
    PastPolicy.digest: ReminderOutcome.past_digest,
}


def settle_missed(
    milestone: PlannedMilestone,
    missed: Sequence[Draft],
    ahead: Sequence[PlannedReminder],
    prefs: ReminderPrefs,
    known_at: datetime,
) -> list[PlannedReminder]:
    """Apply each rule's past policy; of those to catch up with or to gather, only the newest is said."""
    today = local_time(known_at, prefs.clinic_zone).date()
    past = [
        replace(
            draft.reminder,
            past_policy=draft.template.past_policy,
            outcome=_past_outcome(milestone, draft.template, today),
        )
        for draft in missed
    ]
    late = [draft for draft in missed if draft.template.past_policy in (PastPolicy.catch_up, PastPolicy.digest)]
    if not late:
        return past
    newest = max(late, key=lambda draft: draft.reminder.scheduled_on)
    if newest.template.past_policy is PastPolicy.digest:
        return [_older(reminder) if reminder.identity != newest.reminder.identity else reminder for reminder in past]
    caught_up = _catch_up(milestone, newest, ahead, prefs, known_at)
    if caught_up.outcome is ReminderOutcome.past_window_closed:
        return [replace(reminder, outcome=caught_up.outcome) for reminder in past]
    past[missed.index(newest)] = caught_up
    return past


def _older(reminder: PlannedReminder) -> PlannedReminder:
    if reminder.outcome is not ReminderOutcome.past_digest:
        return reminder
    return replace(reminder, outcome=ReminderOutcome.past_superseded)


def _past_outcome(milestone: PlannedMilestone, template: ReminderTemplate, today: date) -> ReminderOutcome:
    """Return what a missed message comes to.

    Once surgery has come, nobody is asked about what belonged before it, or told; nor, once a later stage has begun,
    about what that stage begins again.
    """
    before = milestone.phase is Phase.before_surgery and milestone.day0 is not None and milestone.day0 <= today
    replaced = milestone.superseded_on is not None and milestone.superseded_on <= today
    if (before or replaced) and template.past_policy in (PastPolicy.ask_coordinator, PastPolicy.digest):
        return ReminderOutcome.past_window_closed
    return _PAST_OUTCOMES[template.past_policy]


def _catch_up(
    milestone: PlannedMilestone,
    draft: Draft,
    ahead: Sequence[PlannedReminder],
    prefs: ReminderPrefs,
    known_at: datetime,
) -> PlannedReminder:
    past = replace(draft.reminder, past_policy=PastPolicy.catch_up)
    today = local_time(known_at, prefs.clinic_zone).date()
    if milestone.latest_on is not None and milestone.latest_on < today:
        return replace(past, outcome=ReminderOutcome.past_window_closed)
    fresh_on = next_sending_day(draft.template, prefs, known_at)
    fresh = draft_for(milestone, draft.template, fresh_on, prefs).reminder
    is_over = wall_instant(fresh_on, draft.template.local_time, prefs.zone) >= fresh.useful_until
    if is_over or (milestone.latest_on is not None and fresh_on > milestone.latest_on):
        return replace(past, outcome=ReminderOutcome.past_window_closed)
    if any(reminder.due_at <= fresh.due_at for reminder in ahead):
        return replace(past, outcome=ReminderOutcome.past_superseded)
    return unless_quiet_too_long(replace(fresh, past_policy=PastPolicy.catch_up))


def next_sending_day(template: ReminderTemplate, prefs: ReminderPrefs, known_at: datetime) -> date:
    """Return the first allowed date whose wall time is after enrolment."""
    on = local_time(known_at, prefs.zone).date()
    if wall_instant(on, template.local_time, prefs.zone) <= known_at:
        on = days_after(on, 1)
    return next_open_day(on, closed=prefs.closed_days) if template.weekend is WeekendRule.shift else on


def unless_quiet_too_long(reminder: PlannedReminder) -> PlannedReminder:
    """Return the reminder, or the reason why there is none if quiet hours hold it past its use."""
    if reminder.outcome is PLANNED and reminder.due_at >= reminder.useful_until:
        return replace(reminder, outcome=ReminderOutcome.quiet_past_useful)
    return reminder
