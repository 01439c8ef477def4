"""When patients are asked to check in, by the clinic's rhythm and its changes, and what of it they missed."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.alert_rules import MISSED_IN_A_ROW, is_silent
from schedules.plan.check_ins import (
    DEFAULT_RHYTHM,
    NO_RHYTHM,
    CheckInRhythm,
    RhythmHistory,
    RhythmPhase,
    RhythmVersion,
    Silence,
    call_days,
    check_in_days,
    count_missed,
    read_history,
    write_history,
)
from schedules.plan.errors import PlanError
from schedules.plan.items import ClinicRules
from schedules.plan.reminders import PlannedReminder, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import Grade, ReminderCategory, ReminderOutcome, Setting
from tests.unit.plan.samples import DAY0, milestone, plan, protocol, stage

LONG_AGO = date(2020, 1, 1)
HISTORY = RhythmHistory((RhythmVersion(1, LONG_AGO, DEFAULT_RHYTHM),))
WEEKLY = CheckInRhythm((RhythmPhase(90, 1),), None, ())
NEW_YORK = ZoneInfo("America/New_York")
KNOWN_AT = datetime(2026, 2, 1, tzinfo=UTC)
INPATIENT, OUTPATIENT = Setting.inpatient, Setting.outpatient


def since(rhythm: CheckInRhythm, on: date = LONG_AGO) -> RhythmHistory:
    return RhythmHistory((RhythmVersion(1, on, rhythm),))


def test_the_default_is_daily_to_day_14_twice_a_week_to_42_and_weekly_to_90() -> None:
    days = check_in_days(HISTORY, DAY0, INPATIENT)

    assert [each.pod for each in days] == [
        *range(1, 15), 18, 21, 25, 28, 32, 35, 39, 42, 49, 56, 63, 70, 77, 84,
    ]  # fmt: skip
    assert all(each.on == DAY0 + timedelta(days=each.pod) and not each.asks_red_flags for each in days)


@pytest.mark.parametrize("setting", [OUTPATIENT, None])
def test_after_day_surgery_and_where_nobody_knows_the_first_days_ask_for_red_flags(setting: Setting | None) -> None:
    days = check_in_days(HISTORY, DAY0, setting)

    assert [(each.pod, each.asks_red_flags) for each in days[:5]] == [
        (0, True), (1, True), (2, True), (3, True), (4, False),
    ]  # fmt: skip


def test_nobody_is_asked_without_a_rhythm_or_a_date() -> None:
    empty = CheckInRhythm((), None, ())

    assert check_in_days(NO_RHYTHM, DAY0, OUTPATIENT) == check_in_days(HISTORY, None, OUTPATIENT) == ()
    assert check_in_days(since(empty), DAY0, OUTPATIENT) == ()
    assert (call_days(NO_RHYTHM, DAY0), call_days(HISTORY, None)) == ((), ())
    assert call_days(HISTORY, DAY0) == ((1, date(2026, 3, 3)), (3, date(2026, 3, 5)))
    assert check_in_days(HISTORY, date.max, INPATIENT) == ()


def test_a_change_holds_from_the_next_day_on_and_leaves_what_was_before() -> None:
    today = DAY0 + timedelta(days=5)
    changed = HISTORY.changed(WEEKLY, today)

    days = [each.pod for each in check_in_days(changed, DAY0, INPATIENT)]

    assert days == [1, 2, 3, 4, 5, *range(7, 91, 7)]
    assert (changed.on(today), changed.on(today + timedelta(days=1))) == (DEFAULT_RHYTHM, WEEKLY)
    assert (HISTORY.latest, NO_RHYTHM.latest, NO_RHYTHM.on(today)) == (HISTORY.versions[0], None, None)


def test_the_last_change_of_a_day_counts_and_what_no_plan_follows_is_forgotten() -> None:
    once = HISTORY.changed(WEEKLY, DAY0)
    twice = once.changed(DEFAULT_RHYTHM, DAY0)
    years_later = twice.changed(WEEKLY, DAY0 + timedelta(days=800))

    assert [(each.number, each.rhythm) for each in twice.versions] == [(1, DEFAULT_RHYTHM), (3, DEFAULT_RHYTHM)]
    assert [each.number for each in years_later.versions] == [3, 4]
    assert read_history(write_history(years_later)) == years_later
    assert read_history(None) == NO_RHYTHM


@pytest.mark.parametrize(
    ("phases", "red_flags", "calls", "where"),
    [
        (((14, 7), (14, 2)), None, (), "phases.1.through_day"),
        (((366, 7),), None, (), "phases.0.through_day"),
        (((14, 8),), None, (), "phases.0.times_a_week"),
        (((14, 0),), None, (), "phases.0.times_a_week"),
        (tuple((day, 1) for day in range(1, 8)), None, (), "phases"),
        ((), 31, (), "red_flags_through_day"),
        ((), None, (3, 1), "call_days"),
        ((), None, (1, 31), "call_days"),
        ((), None, tuple(range(11)), "call_days"),
    ],
)
def test_a_rhythm_that_cannot_be_is_refused(
    phases: tuple[tuple[int, int], ...], red_flags: int | None, calls: tuple[int, ...], where: str
) -> None:
    with pytest.raises(PlanError) as refused:
        CheckInRhythm(tuple(RhythmPhase(*each) for each in phases), red_flags, calls)

    assert refused.value.where == where


def planned(history: RhythmHistory, setting: Setting, prefs: ReminderPrefs) -> list[PlannedReminder]:
    operated = replace(stage(), setting=setting)
    a_plan = plan(operated, clinic=ClinicRules(check_ins=history))
    days = check_in_days(history, DAY0, setting)
    messages = {1: StageMessages(protocol("MD-MISS").reminders, KNOWN_AT, check_in_days=days)}
    found = plan_reminders(a_plan, messages, prefs)
    return [each for each in found if each.milestone_key == "check_in"]


def test_each_day_has_one_message_at_the_patients_time_outside_of_quiet_hours() -> None:
    tokyo, early = ZoneInfo("Asia/Tokyo"), QuietHours(time(16), time(18))

    there = planned(HISTORY, INPATIENT, ReminderPrefs(tokyo, NEW_YORK))
    quiet = planned(HISTORY, INPATIENT, ReminderPrefs(NEW_YORK, NEW_YORK, early))

    assert [each.repeat for each in there][:3] == [1, 2, 3]
    assert {each.due_at.astimezone(tokyo).hour for each in there} == {17}
    assert {each.due_at.astimezone(NEW_YORK).hour for each in quiet} == {18}
    assert {(each.key, each.category, each.outcome) for each in quiet} == {
        ("due", ReminderCategory.check_in, ReminderOutcome.planned)
    }
    assert len({each.identity for each in quiet}) == len(quiet) == 28


def test_what_asks_for_red_flags_is_about_safety_and_takes_the_place_of_the_usual_one() -> None:
    found = planned(HISTORY, OUTPATIENT, ReminderPrefs(NEW_YORK, NEW_YORK))

    told = [(each.repeat, each.key, each.category) for each in found[:5]]
    assert told[:4] == [(day, "red_flags", ReminderCategory.safety) for day in range(4)]
    assert told[4] == (4, "due", ReminderCategory.check_in)
    assert found[0].text is not None
    assert "safety questions" in found[0].text.en


def test_all_check_ins_are_one_milestone_that_is_never_behind_and_shows_its_grade() -> None:
    asked = milestone(plan(stage(), clinic=ClinicRules(check_ins=HISTORY)), "check_in")

    assert (asked.earliest_days, asked.target_days, asked.latest_days, asked.grade) == (1, 1, None, Grade.E)
    assert "check_in" not in {each.key for each in plan(stage()).milestones}
    late = plan(stage(), enrolled_on=DAY0 + timedelta(days=85), clinic=ClinicRules(check_ins=HISTORY))
    assert "check_in" not in {each.key for each in late.milestones}


def test_a_second_stage_begins_its_own_rhythm_and_ends_that_of_the_first() -> None:
    second = stage("TLIF-MISS", day0=DAY0 + timedelta(days=10), ordinal=2)
    a_plan = plan(stage(), second, clinic=ClinicRules(check_ins=HISTORY))
    messages = {
        each.ordinal: StageMessages(
            each.protocol.reminders, KNOWN_AT, check_in_days=check_in_days(HISTORY, each.day0, INPATIENT)
        )
        for each in (stage(), second)
    }

    found = plan_reminders(a_plan, messages, ReminderPrefs(NEW_YORK, NEW_YORK))
    sent = [each for each in found if each.milestone_key == "check_in" and each.outcome is ReminderOutcome.planned]

    assert [each.repeat for each in sent if each.occurrence == 1] == list(range(1, 10))
    assert [each.repeat for each in sent if each.occurrence == 2][:3] == [1, 2, 3]
    assert len({each.scheduled_on for each in sent}) == len(sent)


@pytest.mark.parametrize(
    ("history", "since_pod", "pod", "expected"),
    [
        (HISTORY, 3, 7, 3),  # days 4 to 6: today's may still come
        (HISTORY, 21, 25, 0),
        (HISTORY, 21, 29, 2),
        (since(WEEKLY), 0, 7, 0),
        (since(WEEKLY), 0, 8, 1),
        (NO_RHYTHM, 0, 8, None),
        (since(CheckInRhythm((), None, ())), 0, 8, None),
        (since(WEEKLY, DAY0 + timedelta(days=2)), 1, 8, None),  # it did not hold all the time
        (HISTORY, 60, 91, 0),  # the rhythm is over
    ],
)
def test_what_was_missed_is_counted_in_check_ins_that_were_asked_for(
    history: RhythmHistory, since_pod: int, pod: int, expected: int | None
) -> None:
    silence = Silence(DAY0, DAY0 + timedelta(days=since_pod), DAY0 + timedelta(days=pod))

    assert count_missed(history, silence, most=3) == expected
    assert silence.days == pod - since_pod


def test_a_weekly_rhythm_is_not_silent_after_three_days_and_a_denser_one_is_sooner() -> None:
    def silent(history: RhythmHistory, since_pod: int, pod: int) -> bool:
        silence = Silence(DAY0, DAY0 + timedelta(days=since_pod), DAY0 + timedelta(days=pod))
        missed = count_missed(history, silence, most=MISSED_IN_A_ROW)
        return is_silent(day_after_surgery=pod, silent_days=silence.days, missed=missed)

    daily_to_the_end = since(CheckInRhythm((RhythmPhase(120, 7),), None, ()))
    assert not any(silent(since(WEEKLY), 0, pod) for pod in range(8))
    assert silent(since(WEEKLY), 0, 8)
    assert [silent(daily_to_the_end, 60, pod) for pod in (63, 64)] == [False, True]
    assert silent(daily_to_the_end, 95, 99)
    assert not silent(daily_to_the_end, 95, 121)
    for since_pod in range(91):
        for pod in range(since_pod, 95):
            alone = is_silent(day_after_surgery=pod, silent_days=pod - since_pod)
            assert silent(HISTORY, since_pod, pod) >= alone, (since_pod, pod)
