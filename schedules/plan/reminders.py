"""Which messages a plan gives, when each is due, and what becomes of those whose day was past at enrolment.

The medical day is the clinic's calendar date, the wall time is the patient's. Knows no clock and no channel; texts are
rendered when a message is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from schedules.plan.items import Plan, PlannedMilestone
from schedules.plan.protocol import ReminderRules, ReminderTemplate
from schedules.plan.timing import (
    QuietHours,
    days_after,
    hours_after,
    local_time,
    next_open_day,
    previous_open_day,
    reminder_instant,
    wall_instant,
)
from schedules.plan.vocabulary import (
    Anchor,
    MilestoneKind,
    PastPolicy,
    Phase,
    ReminderCategory,
    ReminderOutcome,
    WeekendRule,
)

FIRST_SENDING = 0
PLANNED = ReminderOutcome.planned

_PAST_OUTCOMES = {
    PastPolicy.skip: ReminderOutcome.past_skip,
    PastPolicy.not_applicable: ReminderOutcome.past_not_applicable,
    PastPolicy.ask_coordinator: ReminderOutcome.asked_coordinator,
    PastPolicy.catch_up: ReminderOutcome.past_superseded,
}


@dataclass(frozen=True, slots=True)
class ReminderPrefs:
    """Whose wall time counts, when the patient is not disturbed, and on which dates the clinic is closed."""

    zone: ZoneInfo
    clinic_zone: ZoneInfo
    quiet_hours: QuietHours | None = None
    closed_days: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class PlannedReminder:
    """One message about one occurrence. Its identity is (`milestone_key`, `occurrence`, `key`, `repeat`).

    `scheduled_on` is the date of the clinic's calendar, `due_at` and `useful_until` are UTC. `outcome` says why there
    will be no message unless it is `planned`; `past_policy` is what was applied to a past day.
    """

    key: str
    milestone_key: str
    occurrence: int
    repeat: int
    category: ReminderCategory
    phase: Phase
    scheduled_on: date
    due_at: datetime
    useful_until: datetime
    past_policy: PastPolicy | None
    outcome: ReminderOutcome


@dataclass(frozen=True, slots=True)
class _Draft:
    template: ReminderTemplate
    reminder: PlannedReminder


def plan_reminders(
    plan: Plan,
    rules: ReminderRules,
    prefs: ReminderPrefs,
    *,
    enrolled_at: datetime,
    fasting_signed: bool = False,
) -> tuple[PlannedReminder, ...]:
    """Return a reminder for every rule of every dated milestone, those that will not be sent with the reason.

    `enrolled_at` is an aware instant. `fasting_signed`: anaesthesia has signed the fasting times. Ordered by due time.
    Raises PlanError if an instant lies outside years 1 to 9999 or `enrolled_at` is naive.
    """
    local_time(enrolled_at, prefs.clinic_zone)
    reminders: list[PlannedReminder] = []
    for milestone in plan.milestones:
        drafts = _draft_all(milestone, rules.for_kind(MilestoneKind(milestone.kind)), prefs)
        reminders.extend(_settle(milestone, drafts, prefs, enrolled_at, fasting_signed=fasting_signed))
    return tuple(sorted(reminders, key=lambda item: (item.due_at, item.occurrence, item.milestone_key, item.key)))


def _draft_all(
    milestone: PlannedMilestone, templates: Sequence[ReminderTemplate], prefs: ReminderPrefs
) -> list[_Draft]:
    drafts = []
    for template in templates:
        anchor_on = _anchor_day(milestone, template.anchor)
        if anchor_on is not None:
            nominal_on = _not_into_surgery(days_after(anchor_on, template.days), milestone)
            open_on = _on_open_day(nominal_on, milestone, template, prefs)
            drafts.append(_draft(milestone, template, _ahead_of_surgery(open_on, milestone, template, prefs), prefs))
    return drafts


def _anchor_day(milestone: PlannedMilestone, anchor: Anchor) -> date | None:
    """What waits for a lifting limit or a collar is announced by the day on which it may happen, not by its target."""
    match anchor:
        case Anchor.earliest:
            return milestone.earliest_on
        case Anchor.target:
            return None if milestone.target_on is None else milestone.eligible_on
        case Anchor.latest:
            return milestone.latest_on
        case Anchor.arrival:
            return milestone.day0


def _not_into_surgery(on: date, milestone: PlannedMilestone) -> date:
    if milestone.phase is Phase.after_surgery or milestone.day0 is None:
        return on
    return min(on, days_after(milestone.day0, -1))


def _on_open_day(
    nominal_on: date, milestone: PlannedMilestone, template: ReminderTemplate, prefs: ReminderPrefs
) -> date:
    """Return the day of sending. A shift never leaves the milestone's window; then the open day before is taken."""
    if template.weekend is WeekendRule.send:
        return nominal_on
    later_on = next_open_day(nominal_on, closed=prefs.closed_days)
    last_on = _last_useful_day(milestone)
    if last_on is None or later_on <= max(last_on, nominal_on):
        return later_on
    return previous_open_day(nominal_on, closed=prefs.closed_days)


def _last_useful_day(milestone: PlannedMilestone) -> date | None:
    """What lifts a restriction stays worth asking about after its window: it waits for a clinician, not for a date."""
    if milestone.lifts is not None or milestone.latest_on is None:
        return None
    return _not_into_surgery(milestone.latest_on, milestone)


def _ahead_of_surgery(on: date, milestone: PlannedMilestone, template: ReminderTemplate, prefs: ReminderPrefs) -> date:
    """For a patient far west of the clinic the evening before may already be the clinic's day of surgery."""
    begins_at = _surgery_day_begins(milestone, prefs)
    while begins_at is not None and wall_instant(on, template.local_time, prefs.zone) >= begins_at:
        on = days_after(on, -1)
    return on


def _surgery_day_begins(milestone: PlannedMilestone, prefs: ReminderPrefs) -> datetime | None:
    """Return the instant from which on nothing that belongs before surgery is useful; None for other items."""
    if milestone.phase is Phase.after_surgery or milestone.day0 is None:
        return None
    return wall_instant(milestone.day0, time(0), prefs.clinic_zone)


def _useful_until(
    milestone: PlannedMilestone, template: ReminderTemplate, instant: datetime, prefs: ReminderPrefs
) -> datetime:
    until = hours_after(instant, template.useful_hours)
    begins_at = _surgery_day_begins(milestone, prefs)
    return until if begins_at is None else min(until, begins_at)


def _draft(milestone: PlannedMilestone, template: ReminderTemplate, scheduled_on: date, prefs: ReminderPrefs) -> _Draft:
    instant = wall_instant(scheduled_on, template.local_time, prefs.zone)
    reminder = PlannedReminder(
        key=template.key,
        milestone_key=milestone.key,
        occurrence=milestone.occurrence,
        repeat=FIRST_SENDING,
        category=template.category,
        phase=milestone.phase,
        scheduled_on=scheduled_on,
        due_at=reminder_instant(scheduled_on, template.local_time, zone=prefs.zone, quiet=prefs.quiet_hours),
        useful_until=_useful_until(milestone, template, instant, prefs),
        past_policy=None,
        outcome=PLANNED,
    )
    return _Draft(template, reminder)


def _settle(
    milestone: PlannedMilestone,
    drafts: Sequence[_Draft],
    prefs: ReminderPrefs,
    enrolled_at: datetime,
    *,
    fasting_signed: bool,
) -> list[PlannedReminder]:
    missed = [draft for draft in drafts if draft.reminder.useful_until <= enrolled_at]
    ahead = [draft.reminder for draft in drafts if draft.reminder.useful_until > enrolled_at]
    if milestone.kind == MilestoneKind.fasting and not fasting_signed:
        ahead = [replace(reminder, outcome=ReminderOutcome.not_signed) for reminder in ahead]
    settled = [_unless_quiet_too_long(reminder) for reminder in ahead]
    return [*settled, *_settle_missed(milestone, missed, settled, prefs, enrolled_at)]


def _settle_missed(
    milestone: PlannedMilestone,
    missed: Sequence[_Draft],
    ahead: Sequence[PlannedReminder],
    prefs: ReminderPrefs,
    enrolled_at: datetime,
) -> list[PlannedReminder]:
    """Apply each rule's past policy; of those to catch up with, only the newest is sent."""
    today = local_time(enrolled_at, prefs.clinic_zone).date()
    past = [
        replace(
            draft.reminder,
            past_policy=draft.template.past_policy,
            outcome=_past_outcome(milestone, draft.template, today),
        )
        for draft in missed
    ]
    late = [draft for draft in missed if draft.template.past_policy is PastPolicy.catch_up]
    if not late:
        return past
    newest = max(late, key=lambda draft: draft.reminder.scheduled_on)
    caught_up = _catch_up(milestone, newest, ahead, prefs, enrolled_at)
    if caught_up.outcome is ReminderOutcome.past_window_closed:
        return [replace(reminder, outcome=caught_up.outcome) for reminder in past]
    past[missed.index(newest)] = caught_up
    return past


def _past_outcome(milestone: PlannedMilestone, template: ReminderTemplate, today: date) -> ReminderOutcome:
    """Return what a missed message comes to. Once surgery has come, nobody is asked about what belonged before it."""
    is_moot = milestone.phase is Phase.before_surgery and milestone.day0 is not None and milestone.day0 <= today
    if is_moot and template.past_policy is PastPolicy.ask_coordinator:
        return ReminderOutcome.past_window_closed
    return _PAST_OUTCOMES[template.past_policy]


def _catch_up(
    milestone: PlannedMilestone,
    draft: _Draft,
    ahead: Sequence[PlannedReminder],
    prefs: ReminderPrefs,
    enrolled_at: datetime,
) -> PlannedReminder:
    past = replace(draft.reminder, past_policy=PastPolicy.catch_up)
    today = local_time(enrolled_at, prefs.clinic_zone).date()
    if milestone.latest_on is not None and milestone.latest_on < today:
        return replace(past, outcome=ReminderOutcome.past_window_closed)
    fresh_on = _next_sending_day(draft.template, prefs, enrolled_at)
    fresh = _draft(milestone, draft.template, fresh_on, prefs).reminder
    is_over = wall_instant(fresh_on, draft.template.local_time, prefs.zone) >= fresh.useful_until
    if is_over or (milestone.latest_on is not None and fresh_on > milestone.latest_on):
        return replace(past, outcome=ReminderOutcome.past_window_closed)
    if any(reminder.due_at <= fresh.due_at for reminder in ahead):
        return replace(past, outcome=ReminderOutcome.past_superseded)
    return _unless_quiet_too_long(replace(fresh, past_policy=PastPolicy.catch_up))


def _next_sending_day(template: ReminderTemplate, prefs: ReminderPrefs, enrolled_at: datetime) -> date:
    """Return the first allowed date whose wall time is after enrolment."""
    on = local_time(enrolled_at, prefs.zone).date()
    if wall_instant(on, template.local_time, prefs.zone) <= enrolled_at:
        on = days_after(on, 1)
    return next_open_day(on, closed=prefs.closed_days) if template.weekend is WeekendRule.shift else on


def _unless_quiet_too_long(reminder: PlannedReminder) -> PlannedReminder:
    if reminder.outcome is PLANNED and reminder.due_at >= reminder.useful_until:
        return replace(reminder, outcome=ReminderOutcome.quiet_past_useful)
    return reminder
