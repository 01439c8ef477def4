"""Why a message is due when it is: each reason with the time at which it would be due without it."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.protocol import ReminderRules
from schedules.plan.reminders import PlannedReminder, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.shifts import Shift, ShiftFinder, ShiftReason, clock_change
from schedules.plan.timing import QuietHours
from tests.unit.plan.samples import plan, protocol, stage

NEW_YORK = ZoneInfo("America/New_York")
AT_HOME = ReminderPrefs(zone=NEW_YORK, clinic_zone=NEW_YORK)
RULES = protocol("MD-MISS").reminders


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LONG_BEFORE = utc("2025-12-01T15:00")


def shifted(
    milestone_key: str,
    key: str,
    *,
    day0: date = date(2026, 3, 2),
    prefs: ReminderPrefs = AT_HOME,
    rules: ReminderRules = RULES,
    known_at: datetime = LONG_BEFORE,
) -> tuple[PlannedReminder, tuple[Shift, ...]]:
    a_plan, messages = plan(stage(day0=day0)), {1: StageMessages(rules, known_at)}
    reminder = next(
        each
        for each in plan_reminders(a_plan, messages, prefs)
        if (each.milestone_key, each.key) == (milestone_key, key)
    )
    template = next(each for each in rules.templates if (each.kind, each.key) == (milestone_key, key))
    return reminder, ShiftFinder(a_plan, messages, prefs).find(reminder, template)


def with_every_message_at(at: time) -> ReminderRules:
    return replace(RULES, templates=tuple(replace(each, local_time=at) for each in RULES.templates))


def test_a_message_on_its_rules_day_and_hour_has_no_reason() -> None:
    reminder, shifts = shifted("walk30", "encourage")

    assert (reminder.due_at, shifts) == (utc("2026-03-09T13:00"), ())


def test_quiet_hours_hold_a_message() -> None:
    nights = replace(AT_HOME, quiet_hours=QuietHours(time(21), time(9, 30)))

    reminder, shifts = shifted("walk30", "encourage", prefs=nights)

    assert reminder.due_at == utc("2026-03-09T13:30")
    assert shifts == (Shift(ShiftReason.quiet_hours, utc("2026-03-09T13:00")),)


def test_a_weekend_shifts_what_the_clinic_must_answer() -> None:
    reminder, shifts = shifted("drive", "ask", day0=date(2026, 3, 7))  # day 14 is Saturday the 21st

    assert reminder.due_at == utc("2026-03-23T14:00")
    assert shifts == (Shift(ShiftReason.weekend, utc("2026-03-21T14:00")),)


@pytest.mark.parametrize("known_at", ["2026-05-19T13:59", "2026-05-19T14:01"])
def test_a_shift_is_told_from_the_rules_own_day_even_where_that_is_past(known_at: str) -> None:
    reminder, shifts = shifted("stop_smoking", "start", day0=date(2026, 6, 6), known_at=utc(known_at))

    assert (reminder.due_at, reminder.past_policy) == (utc("2026-05-11T14:00"), None)  # of use for ten days
    assert shifts == (Shift(ShiftReason.weekend, utc("2026-05-09T14:00")),)


def test_a_holiday_on_a_weekday_is_a_closed_day() -> None:
    closed = replace(AT_HOME, closed_days=frozenset({date(2026, 3, 16)}))

    reminder, shifts = shifted("drive", "ask", prefs=closed)

    assert reminder.due_at == utc("2026-03-17T14:00")
    assert shifts == (Shift(ShiftReason.closed_day, utc("2026-03-16T14:00")),)


def test_a_shift_up_to_friday_has_not_met_the_weekend() -> None:
    closed = replace(AT_HOME, closed_days=frozenset({date(2026, 3, 19)}))

    reminder, shifts = shifted("drive", "ask", day0=date(2026, 3, 5), prefs=closed)  # day 14 is that Thursday

    assert reminder.due_at == utc("2026-03-20T14:00")
    assert shifts == (Shift(ShiftReason.closed_day, utc("2026-03-19T14:00")),)


def test_the_days_that_a_shift_passes_are_the_patients() -> None:
    in_auckland = replace(AT_HOME, zone=ZoneInfo("Pacific/Auckland"), closed_days=frozenset({date(2026, 3, 16)}))

    reminder, shifts = shifted("drive", "ask", prefs=in_auckland)

    assert reminder.due_at == utc("2026-03-16T21:00")  # Tuesday morning there
    assert shifts == (Shift(ShiftReason.closed_day, utc("2026-03-15T21:00")),)  # there Monday, in UTC Sunday


def test_quiet_hours_that_end_on_a_saturday_shift_over_no_weekend() -> None:
    nights = replace(AT_HOME, quiet_hours=QuietHours(time(8), time(1)))

    reminder, shifts = shifted("drive", "ask", day0=date(2026, 3, 6), prefs=nights)  # day 14 is Friday the 20th

    assert reminder.due_at == utc("2026-03-21T05:00")
    assert shifts == (Shift(ShiftReason.quiet_hours, utc("2026-03-20T14:00")),)


def test_a_weekend_with_a_holiday_after_it_names_both() -> None:
    closed = replace(AT_HOME, closed_days=frozenset({date(2026, 3, 23)}))

    reminder, shifts = shifted("drive", "ask", day0=date(2026, 3, 7), prefs=closed)

    assert reminder.due_at == utc("2026-03-24T14:00")
    nominal_at = utc("2026-03-21T14:00")
    assert shifts == (Shift(ShiftReason.weekend, nominal_at), Shift(ShiftReason.closed_day, nominal_at))


@pytest.mark.parametrize("holiday", [date(2026, 3, 21), date(2026, 3, 22)])
def test_a_holiday_on_a_saturday_or_sunday_is_a_weekend_alone(holiday: date) -> None:
    closed = replace(AT_HOME, closed_days=frozenset({holiday}))

    _, shifts = shifted("drive", "ask", day0=date(2026, 3, 7), prefs=closed)

    assert shifts == (Shift(ShiftReason.weekend, utc("2026-03-21T14:00")),)


def test_a_shift_back_into_the_window_names_what_lies_between() -> None:
    week_before_surgery = replace(AT_HOME, closed_days=frozenset(date(2026, 2, day) for day in range(23, 28)))

    reminder, shifts = shifted("driver_and_adult", "due", prefs=week_before_surgery)

    assert reminder.due_at == utc("2026-02-20T15:00")
    nominal_at = utc("2026-02-23T15:00")
    assert shifts == (Shift(ShiftReason.weekend, nominal_at), Shift(ShiftReason.closed_day, nominal_at))


def test_a_shift_from_saturday_to_friday_is_for_the_weekend() -> None:
    week_of_surgery = replace(AT_HOME, closed_days=frozenset(date(2026, 3, day) for day in range(2, 7)))

    reminder, shifts = shifted("driver_and_adult", "due", day0=date(2026, 3, 7), prefs=week_of_surgery)

    assert reminder.due_at == utc("2026-02-27T15:00")
    assert shifts == (Shift(ShiftReason.weekend, utc("2026-02-28T15:00")),)


def test_what_is_said_late_counts_from_the_patients_own_morning() -> None:
    far_west = ReminderPrefs(zone=ZoneInfo("Pacific/Honolulu"), clinic_zone=ZoneInfo("Asia/Kathmandu"))

    reminder, shifts = shifted("walk30", "encourage", prefs=far_west, known_at=utc("2026-03-13T14:00"))

    assert reminder.due_at == utc("2026-03-13T19:00")  # nine in Honolulu; in Kathmandu nine of the 13th is past
    assert shifts == (Shift(ShiftReason.late_enrolment),)


def test_an_hour_that_the_clock_skips_comes_an_hour_later() -> None:
    reminder, shifts = shifted("walk30", "encourage", day0=date(2026, 3, 1), rules=with_every_message_at(time(2, 30)))

    assert reminder.due_at == utc("2026-03-08T07:30")  # 03:30 in New York
    assert shifts == (Shift(ShiftReason.clock_skips),)


def test_of_an_hour_that_comes_twice_the_first_counts() -> None:
    reminder, shifts = shifted("walk30", "encourage", day0=date(2026, 10, 25), rules=with_every_message_at(time(1, 30)))

    assert reminder.due_at == utc("2026-11-01T05:30")
    assert shifts == (Shift(ShiftReason.clock_repeats),)


def test_what_was_past_at_enrolment_is_said_late() -> None:
    reminder, shifts = shifted("walk30", "encourage", known_at=utc("2026-03-13T14:00"))

    assert reminder.due_at == utc("2026-03-14T13:00")
    assert shifts == (Shift(ShiftReason.late_enrolment),)


def test_far_west_of_the_clinic_a_message_keeps_off_the_day_of_surgery() -> None:
    far_west = ReminderPrefs(zone=ZoneInfo("Pacific/Honolulu"), clinic_zone=ZoneInfo("Asia/Kathmandu"))

    reminder, shifts = shifted("fasting", "evening", prefs=far_west)

    assert reminder.scheduled_on == date(2026, 2, 28)
    assert shifts == (Shift(ShiftReason.surgery_day, utc("2026-03-02T04:00")),)


def test_what_would_be_past_at_the_clinics_place_alone_has_not_kept_off_a_day_of_surgery() -> None:
    far_west = replace(AT_HOME, zone=ZoneInfo("Pacific/Honolulu"))

    reminder, shifts = shifted("walk30", "encourage", prefs=far_west, known_at=utc("2026-03-11T13:30"))

    assert (reminder.due_at, reminder.past_policy, shifts) == (utc("2026-03-09T19:00"), None, ())


def test_at_the_clinics_place_far_east_no_message_keeps_off_the_day_of_surgery() -> None:
    in_auckland = ReminderPrefs(zone=ZoneInfo("Pacific/Auckland"), clinic_zone=ZoneInfo("Pacific/Auckland"))

    reminder, shifts = shifted("fasting", "evening", prefs=in_auckland)

    assert (reminder.scheduled_on, shifts) == (date(2026, 3, 1), ())


@pytest.mark.parametrize(
    ("on", "at", "zone", "change"),
    [
        (date(2026, 3, 8), time(1, 59), "America/New_York", None),
        (date(2026, 3, 8), time(2, 0), "America/New_York", ShiftReason.clock_skips),
        (date(2026, 3, 8), time(3, 0), "America/New_York", None),
        (date(2026, 11, 1), time(0, 59), "America/New_York", None),
        (date(2026, 11, 1), time(1, 0), "America/New_York", ShiftReason.clock_repeats),
        (date(2026, 11, 1), time(2, 0), "America/New_York", None),
        (date(2011, 12, 30), time(9, 0), "Pacific/Apia", ShiftReason.clock_skips),
        (date(2026, 3, 8), time(2, 30), "America/Phoenix", None),
    ],
)
def test_a_clock_change_is_seen_in_the_patients_zone(on: date, at: time, zone: str, change: ShiftReason | None) -> None:
    assert clock_change(on, at, ZoneInfo(zone)) is change
