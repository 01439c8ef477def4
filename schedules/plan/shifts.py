"""Why a message is due when it is: quiet hours, a closed day, a clock change, the day of surgery, late knowledge.

Asks what would be without each of them: the messages are planned again without quiet hours, without closed days, and
for a patient at the clinic's place. So it holds no rule of its own about when a message goes out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from schedules.plan.items import Plan
from schedules.plan.protocol import ReminderRules, ReminderTemplate
from schedules.plan.reminders import PlannedReminder, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.timing import wall_instant
from schedules.plan.vocabulary import PastPolicy, WeekendRule

Identity = tuple[str, int, str, int]
_SATURDAY = 5
_ONE_DAY = timedelta(days=1)
_LONG_BEFORE = datetime(1, 1, 3, tzinfo=UTC)  # a day of the calendar in every zone


class ShiftReason(StrEnum):
    """Why a message is due at another time than its rule's day and wall time."""

    late_enrolment = "late_enrolment"  # its day was past when the date became known
    weekend = "weekend"
    closed_day = "closed_day"  # a public holiday or a day of the clinic's own
    surgery_day = "surgery_day"  # where the patient is, its time would fall on the clinic's day of surgery
    clock_skips = "clock_skips"  # the wall time does not exist on that day: it is due that much later
    clock_repeats = "clock_repeats"  # the wall time comes twice on that day: the first counts
    quiet_hours = "quiet_hours"


@dataclass(frozen=True, slots=True)
class Shift:
    """One reason, and the UTC instant at which the message would be due without it; None where that is not known."""

    reason: ShiftReason
    instead_of: datetime | None = None


class ShiftFinder:
    """Finds the shifts of the messages of one plan. Raises PlanError as `plan_reminders` does."""

    def __init__(self, plan: Plan, messages: Mapping[int, StageMessages], prefs: ReminderPrefs) -> None:
        on_every_day = {ordinal: replace(each, rules=_without_shifts(each.rules)) for ordinal, each in messages.items()}
        self._prefs = prefs
        unheld, at_the_clinic = replace(prefs, quiet_hours=None), replace(prefs, zone=prefs.clinic_zone)
        self._unheld = _due_at(plan, messages, unheld)
        self._on_every_day = _due_at(plan, on_every_day, unheld)
        # A message may be past on its own day, or at the clinic's place, and not where and when it goes out.
        self._on_its_day = _due_at(plan, _never_past(on_every_day), unheld)
        self._at_the_clinic = _on(plan, _never_past(messages), at_the_clinic)

    def find(self, reminder: PlannedReminder, template: ReminderTemplate) -> tuple[Shift, ...]:
        """Return why `reminder`, which follows `template`, is due when it is; empty if nothing shifted it."""
        return tuple(self._find(reminder, template))

    def _find(self, reminder: PlannedReminder, template: ReminderTemplate) -> Iterator[Shift]:
        identity = identity_of(reminder)
        if reminder.past_policy in (PastPolicy.catch_up, PastPolicy.digest):
            yield Shift(ShiftReason.late_enrolment)
        is_late = reminder.past_policy is not None
        nominal_at = self._on_every_day[identity] if is_late else self._on_its_day[identity]
        yield from self._closed(nominal_at, self._unheld[identity])
        if self._at_the_clinic[identity] != reminder.scheduled_on and not is_late:
            at = wall_instant(self._at_the_clinic[identity], template.local_time, self._prefs.zone)
            yield Shift(ShiftReason.surgery_day, at)
        change = clock_change(reminder.scheduled_on, template.local_time, self._prefs.zone)
        if change is not None:
            yield Shift(change)
        if reminder.due_at != self._unheld[identity]:
            yield Shift(ShiftReason.quiet_hours, self._unheld[identity])

    def _closed(self, nominal_at: datetime, at: datetime) -> Iterator[Shift]:
        nominal_on, on = (instant.astimezone(self._prefs.zone).date() for instant in (nominal_at, at))
        if nominal_on == on:
            return
        first_on, last_on = sorted((nominal_on, on))
        passed = [first_on + _ONE_DAY * days for days in range((last_on - first_on).days + 1)]
        if any(day.weekday() >= _SATURDAY for day in passed):
            yield Shift(ShiftReason.weekend, nominal_at)
        if any(day.weekday() < _SATURDAY and day in self._prefs.closed_days for day in passed):
            yield Shift(ShiftReason.closed_day, nominal_at)


def identity_of(reminder: PlannedReminder) -> Identity:
    """Return what a reminder is, whenever it is due."""
    return reminder.milestone_key, reminder.occurrence, reminder.key, reminder.repeat


def clock_change(on: date, at: time, zone: ZoneInfo) -> ShiftReason | None:
    """Return what a clock change does to the wall time `at` on the date `on` in `zone`; None if it comes once."""
    instant = wall_instant(on, at, zone)
    if instant.astimezone(zone).replace(tzinfo=None) != datetime.combine(on, at):
        return ShiftReason.clock_skips
    again = datetime.combine(on, at.replace(fold=1), tzinfo=zone).astimezone(UTC)
    return ShiftReason.clock_repeats if again != instant else None


def _without_shifts(rules: ReminderRules) -> ReminderRules:
    return replace(rules, templates=tuple(replace(each, weekend=WeekendRule.send) for each in rules.templates))


def _never_past(messages: Mapping[int, StageMessages]) -> dict[int, StageMessages]:
    return {ordinal: replace(each, known_at=_LONG_BEFORE) for ordinal, each in messages.items()}


def _due_at(plan: Plan, messages: Mapping[int, StageMessages], prefs: ReminderPrefs) -> dict[Identity, datetime]:
    return {identity_of(each): each.due_at for each in plan_reminders(plan, messages, prefs)}


def _on(plan: Plan, messages: Mapping[int, StageMessages], prefs: ReminderPrefs) -> dict[Identity, date]:
    return {identity_of(each): each.scheduled_on for each in plan_reminders(plan, messages, prefs)}
