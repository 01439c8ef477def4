"""Which messages go when, and what becomes of those that are past."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.build import PatientFacts, Plan
from schedules.plan.errors import PlanError
from schedules.plan.items import PlannedMilestone
from schedules.plan.protocol import ReminderRules, Text
from schedules.plan.reminders import PlannedReminder, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import (
    Binding,
    PastPolicy,
    Phase,
    ReminderCategory,
    ReminderOutcome,
    WeekendRule,
    WorkClass,
)
from tests.unit.plan.samples import braced, milestone, plan, protocol, stage

NEW_YORK = ZoneInfo("America/New_York")
AT_HOME = ReminderPrefs(zone=NEW_YORK, clinic_zone=NEW_YORK)
LONG_BEFORE = datetime(2025, 12, 1, 15, tzinfo=UTC)
RULES = protocol("MD-MISS").reminders


def reminders(
    a_plan: Plan,
    prefs: ReminderPrefs = AT_HOME,
    enrolled_at: datetime = LONG_BEFORE,
    *,
    fasting_signed: bool = False,
    rules: ReminderRules = RULES,
) -> tuple[PlannedReminder, ...]:
    signed = frozenset({"fasting"}) if fasting_signed else frozenset()
    of_stage = StageMessages(rules, enrolled_at, signed)
    return plan_reminders(a_plan, {item.occurrence: of_stage for item in a_plan.milestones}, prefs)


def one(found: Sequence[PlannedReminder], milestone_key: str, key: str) -> PlannedReminder:
    (reminder,) = [item for item in found if (item.milestone_key, item.key) == (milestone_key, key)]
    return reminder


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def alone(item: PlannedMilestone) -> Plan:
    return Plan(milestones=(item,), restrictions=())


def rules_with(**changes: Any) -> ReminderRules:
    """Return the shipped rules, each changed in this way."""
    return replace(RULES, templates=tuple(replace(each, **changes) for each in RULES.templates))


def test_a_reminder_counts_from_its_anchor_at_the_patients_wall_time() -> None:
    review = one(reminders(plan(stage())), "opioid_stop", "review")

    assert review == PlannedReminder(
        key="review",
        milestone_key="opioid_stop",
        occurrence=1,
        repeat=0,
        category=ReminderCategory.medication,
        phase=Phase.after_surgery,
        scheduled_on=date(2026, 3, 7),
        due_at=utc("2026-03-07T15:00"),
        useful_until=utc("2026-03-09T15:00"),
        past_policy=None,
        outcome=ReminderOutcome.planned,
        text=Text(
            en=(
                "How much of the strong pain medicine do you still need? Please report it. "
                "Do not stop long-term medicine suddenly."
            ),
            es=(
                "¿Cuánto del analgésico fuerte sigue necesitando? Por favor, infórmelo. "
                "No suspenda de golpe una medicina de largo plazo."
            ),
        ),
    )


def test_hours_of_usefulness_elapse_also_over_a_clock_change() -> None:
    review = one(reminders(plan(stage())), "opioid_stop", "review")

    assert review.useful_until.astimezone(NEW_YORK).isoformat() == "2026-03-09T11:00:00-04:00"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/New_York", "2026-03-16T13:00"),
        ("Pacific/Honolulu", "2026-03-16T19:00"),
        ("Asia/Kathmandu", "2026-03-16T03:15"),
        ("Pacific/Kiritimati", "2026-03-15T19:00"),
    ],
)
def test_travel_moves_the_buzz_and_never_the_medical_day(zone: str, expected: str) -> None:
    goal = one(reminders(plan(stage()), replace(AT_HOME, zone=ZoneInfo(zone))), "walk30", "goal")

    assert (goal.scheduled_on, goal.due_at) == (date(2026, 3, 16), utc(expected))


def test_a_plan_without_dates_gives_no_reminders() -> None:
    assert reminders(plan(stage(day0=None))) == ()


def test_items_that_only_a_clinician_dates_give_no_reminders() -> None:
    found = reminders(plan(stage("KYPHO"), patient=PatientFacts(WorkClass.very_heavy)))

    silent = {"medicines_pause", "medicines_restart", "skin_wash", "rtw_very_heavy", "mobilise", "discharge"}
    assert silent.isdisjoint({item.milestone_key for item in found})


def test_a_shift_goes_to_the_next_open_day() -> None:
    saturday = plan(stage(day0=date(2026, 2, 28)))
    closed = replace(AT_HOME, closed_days=frozenset({date(2026, 3, 9), date(2026, 3, 10)}))

    book = one(reminders(saturday), "incision", "book")
    later = one(reminders(plan(stage(day0=date(2026, 2, 26))), closed), "incision", "book")

    assert book.scheduled_on == date(2026, 3, 10)
    assert later.scheduled_on == date(2026, 3, 11)  # Sunday the 8th, then two closed days


def test_a_shift_never_leaves_the_window_of_a_milestone() -> None:
    saturday = plan(stage(day0=date(2026, 2, 28)))  # the latest day for stopping opioids is Saturday 14 March

    late = one(reminders(saturday), "opioid_stop", "late")

    assert late.scheduled_on == date(2026, 3, 13)


@pytest.mark.parametrize(
    ("latest_on", "expected"),
    [(date(2026, 3, 8), date(2026, 3, 6)), (date(2026, 3, 9), date(2026, 3, 9))],
)
def test_a_shift_may_reach_the_last_day_of_the_window(latest_on: date, expected: date) -> None:
    stopping = replace(milestone(plan(stage()), "opioid_stop"), latest_on=latest_on)

    found = reminders(alone(stopping), rules=rules_with(weekend=WeekendRule.shift))

    assert one(found, "opioid_stop", "review").scheduled_on == expected  # its day is Saturday the 7th


def test_a_shift_of_what_closes_on_the_day_of_surgery_goes_back_to_an_open_day() -> None:
    baseline = alone(milestone(plan(stage()), "prom_baseline"))

    found = reminders(baseline, rules=rules_with(weekend=WeekendRule.shift))

    assert one(found, "prom_baseline", "last").scheduled_on == date(2026, 2, 27)  # surgery is on Monday 2 March


def test_a_message_that_would_come_as_the_day_of_surgery_begins_comes_a_day_earlier() -> None:
    in_california = replace(AT_HOME, zone=ZoneInfo("America/Los_Angeles"))

    found = reminders(
        alone(milestone(plan(stage()), "health_check")), in_california, rules=rules_with(local_time=time(21))
    )

    assert one(found, "health_check", "d1").scheduled_on == date(2026, 2, 28)


def test_without_a_target_nothing_is_said_of_it() -> None:
    walking = replace(milestone(plan(stage()), "walk30"), target_on=None)

    assert reminders(alone(walking)) == ()


def test_asking_for_a_clearance_may_shift_beyond_the_window() -> None:
    saturday = plan(stage(day0=date(2026, 2, 28)))  # target and latest day for driving are Saturday 14 March

    ask = one(reminders(saturday), "drive", "ask")

    assert ask.scheduled_on == date(2026, 3, 16)


def test_a_shift_before_surgery_never_reaches_the_day_of_surgery() -> None:
    monday = plan(stage(day0=date(2026, 3, 9)))
    closed = frozenset(date(2026, 3, day) for day in range(2, 7))

    due = one(reminders(monday, replace(AT_HOME, closed_days=closed)), "driver_and_adult", "due")

    assert due.scheduled_on == date(2026, 2, 27)


def test_reminders_that_must_not_wait_go_out_on_a_closed_day() -> None:
    check = one(reminders(plan(stage(day0=date(2026, 3, 3)))), "health_check", "d3")

    assert check.scheduled_on == date(2026, 2, 28)  # a Saturday


def test_the_last_nudge_for_the_baseline_goes_out_the_day_before_surgery() -> None:
    last = one(reminders(plan(stage())), "prom_baseline", "last")

    assert last.scheduled_on == date(2026, 3, 1)


@pytest.mark.parametrize("weekday", range(7))
def test_no_reminder_before_surgery_falls_on_or_after_its_day(weekday: int) -> None:
    day0 = date(2026, 3, 2 + weekday)
    closed = frozenset({date(2026, 2, 27), date(2026, 3, 5)})

    found = reminders(plan(braced("TLIF-OPEN"), stage(day0=day0, ordinal=2)), replace(AT_HOME, closed_days=closed))

    before = [item for item in found if item.phase is Phase.before_surgery and item.occurrence == 2]
    assert before
    assert all(item.scheduled_on < day0 for item in before)


def test_what_belongs_before_surgery_is_no_longer_useful_when_its_day_begins() -> None:
    saturday = plan(stage(day0=date(2026, 3, 7)))  # the question of day -7 shifts from Saturday to Monday

    due = one(reminders(saturday), "driver_and_adult", "due")

    assert (due.scheduled_on, due.due_at) == (date(2026, 3, 2), utc("2026-03-02T15:00"))
    assert due.useful_until == utc("2026-03-07T05:00")  # midnight in the clinic, not Sunday at ten


def test_the_clinics_day_of_surgery_ends_what_belongs_before_it_wherever_the_patient_is() -> None:
    far_west = ReminderPrefs(zone=ZoneInfo("Pacific/Honolulu"), clinic_zone=ZoneInfo("Asia/Kathmandu"))
    surgery_day_begins = utc("2026-03-01T18:15")

    found = reminders(plan(braced("ACDF-1")), far_west, fasting_signed=True)

    before = [item for item in found if item.phase is Phase.before_surgery]
    assert {item.outcome for item in before} == {ReminderOutcome.planned}
    assert all(item.due_at < item.useful_until <= surgery_day_begins for item in before)
    assert one(found, "health_check", "d1").due_at == utc("2026-02-28T19:00")  # 1 March there is day 0 in the clinic
    assert one(found, "education", "first").due_at == utc("2026-01-01T20:00")


def test_nothing_before_surgery_is_caught_up_with_once_its_day_has_begun_in_the_clinic() -> None:
    far_west = ReminderPrefs(zone=ZoneInfo("Pacific/Honolulu"), clinic_zone=ZoneInfo("Asia/Kathmandu"))
    tuesday = plan(stage(day0=date(2026, 3, 3)))
    day_before = utc("2026-03-02T06:00")  # Monday noon in the clinic, Sunday evening at home

    found = reminders(tuesday, far_west, day_before)

    assert one(found, "stop_smoking", "start").outcome is ReminderOutcome.past_window_closed
    assert one(found, "education", "first").outcome is ReminderOutcome.past_window_closed


def test_quiet_hours_hold_a_reminder_to_their_end() -> None:
    quiet = replace(AT_HOME, quiet_hours=QuietHours(start=time(20), end=time(10, 30)))

    ask = one(reminders(plan(stage()), quiet), "drive", "ask")

    assert (ask.due_at, ask.useful_until) == (utc("2026-03-16T14:30"), utc("2026-03-19T14:00"))
    assert ask.outcome is ReminderOutcome.planned


def test_a_reminder_that_quiet_hours_hold_past_its_use_is_kept_with_the_reason() -> None:
    quiet = replace(AT_HOME, quiet_hours=QuietHours(start=time(7), end=time(18)))

    day = one(reminders(plan(stage()), quiet), "incision", "day")

    assert (day.due_at, day.useful_until) == (utc("2026-03-16T22:00"), utc("2026-03-16T22:00"))
    assert day.outcome is ReminderOutcome.quiet_past_useful


def test_fasting_times_go_out_only_when_anaesthesia_has_signed() -> None:
    unsigned = one(reminders(plan(stage())), "fasting", "evening")
    signed = one(reminders(plan(stage()), fasting_signed=True), "fasting", "evening")

    assert unsigned.outcome is ReminderOutcome.not_signed
    assert (signed.outcome, signed.due_at) == (ReminderOutcome.planned, utc("2026-03-01T23:00"))


def test_work_is_announced_by_the_day_on_which_lifting_admits_it() -> None:
    a_plan = plan(stage(), patient=PatientFacts(WorkClass.medium))

    ask = one(reminders(a_plan), "rtw_med", "ask")

    assert a_plan.milestones[-1].binds is Binding.target
    assert ask.scheduled_on == date(2026, 4, 21)  # seven days before POD 57, not before POD 42


def test_what_waits_for_a_collar_is_announced_when_it_comes_off() -> None:
    found = reminders(plan(braced("ACDF-2+")))

    assert one(found, "drive", "ask").scheduled_on == date(2026, 5, 4)
    assert one(found, "pt_start", "book").scheduled_on == date(2026, 4, 27)


def test_what_waits_for_the_surgeon_is_not_announced() -> None:
    keys = {item.milestone_key for item in reminders(plan(stage("KYPHO")))}

    assert "rtw_light" in keys
    assert keys.isdisjoint({"rtw_med", "rtw_heavy"})


@pytest.mark.parametrize(
    ("milestone_key", "key", "outcome"),
    [
        ("prom_baseline", "last", ReminderOutcome.past_skip),
        ("prom_2wk", "open", ReminderOutcome.past_skip),
        ("shower", "may_ask", ReminderOutcome.past_not_applicable),
        ("incision", "day", ReminderOutcome.asked_coordinator),
        ("drive", "ask", ReminderOutcome.asked_coordinator),
        ("driver_and_adult", "due", ReminderOutcome.past_window_closed),
        ("fasting", "evening", ReminderOutcome.past_window_closed),
        ("education", "first", ReminderOutcome.past_window_closed),
        ("walk30", "encourage", ReminderOutcome.past_window_closed),
        ("walk30", "goal", ReminderOutcome.past_window_closed),
    ],
)
def test_late_enrolment_settles_what_is_past_by_its_policy(
    milestone_key: str, key: str, outcome: ReminderOutcome
) -> None:
    late = reminders(plan(stage()), enrolled_at=datetime(2026, 3, 30, 16, tzinfo=UTC))

    found = one(late, milestone_key, key)

    assert found.outcome is outcome
    assert found.past_policy is protocol("MD-MISS").reminders.past_policy_of(
        next(item.kind for item in protocol("MD-MISS").milestones if item.key == milestone_key)
    )


def test_a_missed_goal_is_caught_up_with_at_the_next_wall_time() -> None:
    afternoon = datetime(2026, 3, 20, 17, tzinfo=UTC)  # Friday, one o'clock at home

    found = reminders(plan(stage()), enrolled_at=afternoon)

    goal, encourage = one(found, "walk30", "goal"), one(found, "walk30", "encourage")
    assert (goal.outcome, goal.past_policy) == (ReminderOutcome.planned, PastPolicy.catch_up)
    assert (goal.scheduled_on, goal.due_at) == (date(2026, 3, 21), utc("2026-03-21T13:00"))
    assert goal.useful_until == utc("2026-03-24T13:00")
    assert encourage.outcome is ReminderOutcome.past_superseded


def test_a_wall_time_that_is_still_ahead_on_the_day_of_enrolment_is_used() -> None:
    morning = datetime(2026, 3, 20, 12, 59, tzinfo=UTC)

    goal = one(reminders(plan(stage()), enrolled_at=morning), "walk30", "goal")

    assert goal.due_at == utc("2026-03-20T13:00")


def test_the_next_wall_time_is_one_of_the_patients_own_day() -> None:
    in_auckland = replace(AT_HOME, zone=ZoneInfo("Pacific/Auckland"))
    late_morning = utc("2026-03-19T22:00")  # the 20th there, eleven o'clock

    goal = one(reminders(plan(stage()), in_auckland, late_morning), "walk30", "goal")

    assert (goal.outcome, goal.scheduled_on) == (ReminderOutcome.planned, date(2026, 3, 21))


def test_what_is_missed_gives_way_to_the_next_message_about_the_same_milestone() -> None:
    just_before = datetime(2026, 3, 15, 14, tzinfo=UTC)  # the goal itself is due on Monday the 16th, 9 o'clock

    found = reminders(plan(stage()), enrolled_at=just_before)

    encourage = one(found, "walk30", "encourage")
    assert (encourage.outcome, encourage.past_policy) == (ReminderOutcome.past_superseded, PastPolicy.catch_up)
    assert one(found, "walk30", "goal").past_policy is None


def test_catching_up_ends_with_the_window() -> None:
    last_evening = datetime(2026, 3, 23, 22, tzinfo=UTC)  # the window of walking closes on the 23rd

    goal = one(reminders(plan(stage()), enrolled_at=last_evening), "walk30", "goal")

    assert goal.outcome is ReminderOutcome.past_window_closed


def test_catching_up_is_possible_on_the_last_day_of_the_window() -> None:
    last_morning = datetime(2026, 3, 23, 12, tzinfo=UTC)

    goal = one(reminders(plan(stage()), enrolled_at=last_morning), "walk30", "goal")

    assert (goal.outcome, goal.scheduled_on) == (ReminderOutcome.planned, date(2026, 3, 23))


def test_the_window_closes_by_the_clinics_calendar() -> None:
    far_apart = ReminderPrefs(zone=ZoneInfo("Pacific/Honolulu"), clinic_zone=ZoneInfo("Pacific/Auckland"))
    noon = datetime(2026, 3, 23, 12, tzinfo=UTC)  # the 24th in the clinic, two in the morning of the 23rd at home

    goal = one(reminders(plan(stage()), far_apart, noon), "walk30", "goal")

    assert goal.outcome is ReminderOutcome.past_window_closed


def test_information_before_surgery_is_caught_up_with_on_an_open_day() -> None:
    friday_noon = datetime(2026, 2, 20, 17, tzinfo=UTC)

    first = one(reminders(plan(stage()), enrolled_at=friday_noon), "education", "first")

    assert (first.outcome, first.scheduled_on) == (ReminderOutcome.planned, date(2026, 2, 23))


def test_a_reminder_that_is_still_useful_is_not_past() -> None:
    enrolled_at = utc("2026-03-19T13:59")  # driving was asked about on the 16th and stays useful for 72 hours

    before = one(reminders(plan(stage()), enrolled_at=enrolled_at), "drive", "ask")
    after = one(reminders(plan(stage()), enrolled_at=utc("2026-03-19T14:00")), "drive", "ask")

    assert before.outcome is ReminderOutcome.planned
    assert after.outcome is ReminderOutcome.asked_coordinator


def test_what_was_missed_before_a_surgery_that_is_still_ahead_is_asked_about() -> None:
    the_day_before = utc("2026-03-01T15:00")

    missed = one(reminders(plan(stage()), enrolled_at=the_day_before), "driver_and_adult", "due")
    moot = one(reminders(plan(stage()), enrolled_at=utc("2026-03-02T15:00")), "driver_and_adult", "due")

    assert missed.outcome is ReminderOutcome.asked_coordinator
    assert moot.outcome is ReminderOutcome.past_window_closed


@pytest.mark.parametrize(
    ("known_at", "outcome"),
    [
        ("2026-03-02T04:59", ReminderOutcome.asked_coordinator),
        ("2026-03-02T05:00", ReminderOutcome.past_window_closed),
    ],
)
def test_surgery_is_still_ahead_until_midnight_in_the_clinic(known_at: str, outcome: ReminderOutcome) -> None:
    due = one(reminders(plan(stage()), enrolled_at=utc(known_at)), "driver_and_adult", "due")

    assert due.outcome is outcome


def test_reminders_come_in_the_order_of_their_due_times() -> None:
    due = [item.due_at for item in reminders(plan(stage()))]

    assert due == sorted(due)
    assert len({(item.milestone_key, item.key) for item in reminders(plan(stage()))}) == len(due)


def test_a_naive_enrolment_is_refused() -> None:
    with pytest.raises(PlanError, match="an aware time"):
        reminders(plan(stage()), enrolled_at=datetime(2026, 3, 2))  # noqa: DTZ001
