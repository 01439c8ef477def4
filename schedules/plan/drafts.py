"""One message of a plan: on which day it goes out, when it is due and how long it is useful.

The medical day is the clinic's calendar date, the wall time is the patient's. Knows no clock and no past.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from schedules.plan.check_ins import CheckInDay
from schedules.plan.items import PlannedMilestone
from schedules.plan.protocol import ASKS_RED_FLAGS, ReminderTemplate, Text
from schedules.plan.timing import (
    QuietHours,
    days_after,
    hours_after,
    next_open_day,
    previous_open_day,
    reminder_instant,
    wall_instant,
)
from schedules.plan.vocabulary import Anchor, PastPolicy, Phase, ReminderCategory, ReminderOutcome, WeekendRule

Identity = tuple[str, int, str, int]  # milestone key, occurrence, reminder key, repeat
FIRST_SENDING = 0
PLANNED = ReminderOutcome.planned


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
    will be no message unless it is `planned`; `past_policy` is what was applied to a past day, `digest_in` the reminder
    whose message says this one too. `text` is the protocol's own, placeholders left open; None: stored without.
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
    digest_in: Identity | None = None
    text: Text | None = None

    @property
    def identity(self) -> Identity:
        """Return what the reminder is, whenever it is due."""
        return self.milestone_key, self.occurrence, self.key, self.repeat


@dataclass(frozen=True, slots=True)
class Draft:
    """A message with the rule that it comes from."""

    template: ReminderTemplate
    reminder: PlannedReminder


def draft_all(milestone: PlannedMilestone, templates: Sequence[ReminderTemplate], prefs: ReminderPrefs) -> list[Draft]:
    """Return a draft for each rule whose anchor has a date. Raises PlanError outside years 1 to 9999."""
    drafts = []
    for template in templates:
        anchor_on = _anchor_day(milestone, template.anchor)
        if anchor_on is not None:
            nominal_on = _not_into_surgery(days_after(anchor_on, template.days), milestone)
            open_on = _on_open_day(nominal_on, milestone, template, prefs)
            drafts.append(draft_for(milestone, template, _ahead_of_surgery(open_on, milestone, template, prefs), prefs))
    return drafts


def draft_check_ins(
    milestone: PlannedMilestone,
    templates: Sequence[ReminderTemplate],
    days: Sequence[CheckInDay],
    prefs: ReminderPrefs,
) -> list[Draft]:
    """Return a draft for each day on which the patient is asked, numbered by the day after surgery. Raises as above."""
    drafts = []
    for day in days:
        for template in templates:
            if (template.key == ASKS_RED_FLAGS) is day.asks_red_flags:
                draft = draft_for(milestone, template, _on_open_day(day.on, milestone, template, prefs), prefs)
                drafts.append(replace(draft, reminder=replace(draft.reminder, repeat=day.pod)))
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
    end = no_use_from(milestone, prefs)
    return until if end is None else min(until, end)


def no_use_from(milestone: PlannedMilestone, prefs: ReminderPrefs) -> datetime | None:
    """Return the instant at which the day of surgery, or a later stage in the milestone's place, ends its messages."""
    ends = (_surgery_day_begins(milestone, prefs), _later_stage_begins(milestone, prefs))
    return min((end for end in ends if end is not None), default=None)


def is_superseded(reminder: PlannedReminder, milestone: PlannedMilestone, prefs: ReminderPrefs) -> bool:
    """Return whether a later stage's occurrence stands in the milestone's place by the time of the message."""
    begins_at = _later_stage_begins(milestone, prefs)
    if begins_at is None or milestone.superseded_on is None:
        return False
    return reminder.scheduled_on >= milestone.superseded_on or reminder.due_at >= begins_at


def _later_stage_begins(milestone: PlannedMilestone, prefs: ReminderPrefs) -> datetime | None:
    if milestone.superseded_on is None:
        return None
    return wall_instant(milestone.superseded_on, time(0), prefs.clinic_zone)


def draft_for(
    milestone: PlannedMilestone, template: ReminderTemplate, scheduled_on: date, prefs: ReminderPrefs
) -> Draft:
    """Return the draft of a rule's message for the date `scheduled_on`. Raises PlanError outside years 1 to 9999."""
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
        text=template.text,
    )
    return Draft(template, reminder)
