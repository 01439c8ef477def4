"""The messages of several stages: each stops where a later stage begins, and is not said by two episodes."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from schedules.plan.build import Plan
from schedules.plan.items import FilledSlot, PlannedMilestone
from schedules.plan.reminders import PlannedReminder, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.vocabulary import Phase, ReminderOutcome
from tests.unit.plan.samples import milestone, plan, protocol, stage

NEW_YORK = ZoneInfo("America/New_York")
AT_HOME = ReminderPrefs(zone=NEW_YORK, clinic_zone=NEW_YORK)
RULES = protocol("MD-MISS").reminders


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LONG_BEFORE = utc("2025-12-01T15:00")


def alone(item: PlannedMilestone) -> Plan:
    return Plan(milestones=(item,), restrictions=())


def walking_until(superseded_on: date) -> Plan:
    return alone(replace(milestone(plan(stage()), "walk30"), superseded_on=superseded_on, superseded_by=2))


def reminders(
    a_plan: Plan,
    known_at: datetime = LONG_BEFORE,
    *,
    prefs: ReminderPrefs = AT_HOME,
    signed: frozenset[str] = frozenset(),
    silent: frozenset[tuple[str, int]] = frozenset(),
) -> dict[str, PlannedReminder]:
    found = plan_reminders(a_plan, {1: StageMessages(RULES, known_at, signed)}, prefs, silent=silent)
    return {each.key: each for each in found}


def test_messages_stop_on_the_day_from_which_a_later_stage_stands_in_their_place() -> None:
    found = reminders(walking_until(date(2026, 3, 16)))  # the nudge is of the 9th, the goal of the 16th

    assert found["encourage"].outcome is ReminderOutcome.planned
    assert found["goal"].outcome is ReminderOutcome.superseded


def test_a_later_stage_on_the_next_day_stops_nothing_but_ends_the_use_of_what_was_sent() -> None:
    found = reminders(walking_until(date(2026, 3, 17)))

    assert found["goal"].outcome is ReminderOutcome.planned
    assert found["goal"].useful_until == utc("2026-03-17T04:00")  # midnight in the clinic, not three days


def test_where_the_patient_is_far_west_the_clinics_day_counts() -> None:
    far_west = ReminderPrefs(zone=ZoneInfo("Pacific/Honolulu"), clinic_zone=ZoneInfo("Asia/Kathmandu"))

    found = reminders(walking_until(date(2026, 3, 17)), prefs=far_west)

    assert found["goal"].scheduled_on == date(2026, 3, 16)
    assert found["goal"].outcome is ReminderOutcome.superseded  # nine in Honolulu is the 17th in the clinic


def test_a_message_that_would_come_as_the_later_stages_day_begins_is_not_sent() -> None:
    in_california = replace(AT_HOME, zone=ZoneInfo("America/Los_Angeles"))
    evening = replace(RULES, templates=tuple(replace(each, local_time=time(21)) for each in RULES.templates))

    found = plan_reminders(walking_until(date(2026, 3, 17)), {1: StageMessages(evening, LONG_BEFORE)}, in_california)

    outcomes = {each.key: each.outcome for each in found}
    assert outcomes["goal"] is ReminderOutcome.superseded  # nine in the evening there is midnight in the clinic


def test_where_the_patient_is_far_east_the_message_of_that_day_stops_too() -> None:
    far_east = ReminderPrefs(zone=ZoneInfo("Pacific/Kiritimati"), clinic_zone=NEW_YORK)

    found = reminders(walking_until(date(2026, 3, 16)), prefs=far_east)

    assert found["goal"].due_at == utc("2026-03-15T19:00")  # in the clinic it is still the 15th
    assert found["goal"].outcome is ReminderOutcome.superseded


def test_what_a_later_stage_begins_again_is_not_asked_about() -> None:
    driving = alone(replace(milestone(plan(stage()), "drive"), superseded_on=date(2026, 3, 20), superseded_by=2))

    before = reminders(driving, utc("2026-03-19T15:00"))["ask"]
    after = reminders(driving, utc("2026-03-20T15:00"))["ask"]

    assert before.outcome is ReminderOutcome.asked_coordinator
    assert after.outcome is ReminderOutcome.past_window_closed


def test_catching_up_stops_where_a_later_stage_begins() -> None:
    friday = utc("2026-03-20T17:00")

    assert reminders(walking_until(date(2026, 3, 22)), friday)["goal"].outcome is ReminderOutcome.planned
    assert reminders(walking_until(date(2026, 3, 21)), friday)["goal"].outcome is ReminderOutcome.past_window_closed


def test_what_another_episode_says_is_not_said_again() -> None:
    found = reminders(
        alone(milestone(plan(stage()), "walk30")), utc("2026-03-12T15:00"), silent=frozenset({("walk30", 1)})
    )

    assert {each.outcome for each in found.values()} == {ReminderOutcome.said_elsewhere}


def test_another_occurrence_that_is_said_elsewhere_silences_nothing() -> None:
    found = reminders(alone(milestone(plan(stage()), "walk30")), silent=frozenset({("walk30", 2), ("sit60", 1)}))

    assert {each.outcome for each in found.values()} == {ReminderOutcome.planned}


def test_each_stage_follows_its_own_rules_and_its_own_knowledge() -> None:
    item = milestone(plan(stage()), "walk30")
    both = Plan(milestones=(item, replace(item, occurrence=2)), restrictions=())
    later = replace(RULES, templates=tuple(replace(each, days=each.days + 1) for each in RULES.templates))
    messages = {1: StageMessages(RULES, LONG_BEFORE), 2: StageMessages(later, utc("2026-03-21T12:00"))}

    found = {(each.occurrence, each.key): each for each in plan_reminders(both, messages, AT_HOME)}

    assert (found[1, "goal"].scheduled_on, found[1, "goal"].outcome) == (date(2026, 3, 16), ReminderOutcome.planned)
    assert (found[2, "goal"].scheduled_on, found[2, "goal"].past_policy) == (date(2026, 3, 21), "catch_up")
    assert found[2, "encourage"].outcome is ReminderOutcome.past_superseded


def test_fasting_goes_out_for_the_signed_key_alone() -> None:
    fasting = alone(milestone(plan(stage()), "fasting"))

    assert reminders(fasting, signed=frozenset({"skin_wash"}))["evening"].outcome is ReminderOutcome.not_signed
    assert reminders(fasting, signed=frozenset({"fasting"}))["evening"].outcome is ReminderOutcome.planned


def test_medicines_are_announced_on_the_day_that_a_clinician_entered() -> None:
    slots = {
        "medicines_pause": FilledSlot(for_day0=date(2026, 3, 2), due_on=date(2026, 2, 25)),
        "medicines_restart": FilledSlot(for_day0=date(2026, 3, 2), due_on=date(2026, 3, 9)),
    }
    a_plan = plan(replace(stage(), slots=slots))

    pause = reminders(alone(milestone(a_plan, "medicines_pause")))["day"]
    restart = reminders(alone(milestone(a_plan, "medicines_restart")))["day"]

    assert (pause.due_at, pause.outcome) == (utc("2026-02-25T14:00"), ReminderOutcome.planned)
    assert (restart.due_at, restart.outcome) == (utc("2026-03-09T13:00"), ReminderOutcome.planned)
    assert (pause.phase, restart.phase) == (Phase.before_surgery, Phase.after_surgery)


def test_what_was_entered_for_another_day_of_surgery_is_not_announced() -> None:
    stale = {"medicines_pause": FilledSlot(for_day0=date(2026, 3, 9), due_on=date(2026, 2, 25))}

    item = milestone(plan(replace(stage(), slots=stale)), "medicines_pause")

    assert reminders(alone(item)) == {}
