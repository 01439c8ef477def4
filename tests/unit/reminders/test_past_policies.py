"""What becomes of messages that were past when the date became known: five policies, and the digest of one of them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.build import Plan
from schedules.plan.digest import stages_run_until
from schedules.plan.errors import PlanError
from schedules.plan.protocol import ReminderRules
from schedules.plan.reminders import PlannedReminder, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import MilestoneKind, PastPolicy, ReminderOutcome, WeekendRule
from tests.unit.plan.samples import milestone, plan, protocol, stage

NEW_YORK = ZoneInfo("America/New_York")
AT_HOME = ReminderPrefs(zone=NEW_YORK, clinic_zone=NEW_YORK)
Outcome = ReminderOutcome


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


EARLY = utc("2026-02-01T15:00")
ON_THE_DAY = utc("2026-03-16T16:00")  # of walking half an hour: noon in New York
LATE = utc("2026-03-20T17:00")  # Friday, one o'clock; the window of walking closes on the 23rd
TOO_LATE = utc("2026-03-30T16:00")
TWO_YEARS_LATE = utc("2028-03-20T16:00")


def rules_with(policy: PastPolicy, *kinds: MilestoneKind) -> ReminderRules:
    shipped = protocol("MD-MISS").reminders
    changed = (replace(each, past_policy=policy) if each.kind in kinds else each for each in shipped.templates)
    return replace(shipped, templates=tuple(changed))


def reminders(
    a_plan: Plan,
    rules: ReminderRules,
    known_at: datetime,
    *,
    prefs: ReminderPrefs = AT_HOME,
    said: Collection[tuple[str, int, str, int]] = (),
) -> dict[str, PlannedReminder]:
    messages = {item.occurrence: StageMessages(rules, known_at) for item in a_plan.milestones}
    found = plan_reminders(a_plan, messages, prefs, said=frozenset(said))
    return {f"{each.milestone_key}.{each.key}.{each.occurrence}": each for each in found}


DIGESTED = (MilestoneKind.walk30, MilestoneKind.drive, MilestoneKind.incision, MilestoneKind.opioid_stop)
DIGEST = rules_with(PastPolicy.digest, *DIGESTED)


@pytest.mark.parametrize(
    ("policy", "early", "on_the_day", "late", "too_late", "two_years_late"),
    [
        (PastPolicy.skip, Outcome.planned, Outcome.planned, *[Outcome.past_skip] * 3),
        (PastPolicy.not_applicable, Outcome.planned, Outcome.planned, *[Outcome.past_not_applicable] * 3),
        (PastPolicy.catch_up, *[Outcome.planned] * 3, *[Outcome.past_window_closed] * 2),
        (PastPolicy.digest, *[Outcome.planned] * 3, *[Outcome.past_window_closed] * 2),
        (PastPolicy.ask_coordinator, Outcome.planned, Outcome.planned, *[Outcome.asked_coordinator] * 3),
    ],
)
def test_each_policy_settles_a_goal_for_every_moment_of_enrolment(
    policy: PastPolicy,
    early: Outcome,
    on_the_day: Outcome,
    late: Outcome,
    too_late: Outcome,
    two_years_late: Outcome,
) -> None:
    rules = rules_with(policy, MilestoneKind.walk30)
    moments = (EARLY, ON_THE_DAY, LATE, TOO_LATE, TWO_YEARS_LATE)

    found = [reminders(plan(stage()), rules, moment)["walk30.goal.1"] for moment in moments]

    assert [each.outcome for each in found] == [early, on_the_day, late, too_late, two_years_late]
    assert [each.past_policy for each in found] == [None, None, policy, policy, policy]


@pytest.mark.parametrize("policy", list(PastPolicy))
def test_what_belonged_before_a_surgery_of_today_is_neither_asked_nor_said(policy: PastPolicy) -> None:
    rules = rules_with(policy, MilestoneKind.driver_and_adult)

    due = reminders(plan(stage()), rules, utc("2026-03-02T15:00"))["driver_and_adult.due.1"]

    settled = {PastPolicy.skip: Outcome.past_skip, PastPolicy.not_applicable: Outcome.past_not_applicable}
    assert due.outcome is settled.get(policy, Outcome.past_window_closed)


@pytest.mark.parametrize("policy", list(PastPolicy))
def test_closed_questionnaires_are_missed_and_a_baseline_is_never_back_filled(policy: PastPolicy) -> None:
    rules = rules_with(policy, MilestoneKind.walk30)

    found = reminders(plan(stage()), rules, TWO_YEARS_LATE)

    questionnaires = [each for key, each in found.items() if key.startswith("prom_")]
    past = [each for each in questionnaires if each.useful_until <= TWO_YEARS_LATE]
    assert {each.outcome for each in past} == {Outcome.past_skip}
    assert found["prom_baseline.open.1"].outcome is Outcome.past_skip


def test_what_is_past_is_said_in_one_message_at_the_next_sending_time() -> None:
    found = reminders(plan(stage()), DIGEST, LATE)

    carrier = found["drive.ask.1"]
    in_it = {key for key, each in found.items() if each.digest_in == carrier.identity}
    assert (carrier.outcome, carrier.past_policy, carrier.digest_in) == (Outcome.planned, PastPolicy.digest, None)
    assert carrier.due_at == utc("2026-03-23T14:00")  # ten o'clock of the next open day: Monday
    assert carrier.useful_until == utc("2026-03-26T14:00")
    assert in_it == {"walk30.goal.1"}
    assert found["walk30.goal.1"].outcome is Outcome.past_digest
    assert found["walk30.goal.1"].past_policy is PastPolicy.digest


def test_only_the_newest_message_of_a_milestone_is_said() -> None:
    found = reminders(plan(stage()), DIGEST, LATE)

    assert found["walk30.encourage.1"].outcome is Outcome.past_superseded
    assert found["incision.book.1"].outcome is Outcome.past_superseded


def test_a_window_that_closes_before_the_digest_goes_out_is_closed() -> None:
    found = reminders(plan(stage()), DIGEST, LATE)

    assert found["incision.day.1"].outcome is Outcome.past_window_closed  # the wound check ended on the 16th
    assert found["opioid_stop.late.1"].outcome is Outcome.past_window_closed
    assert found["incision.day.1"].digest_in is None


def test_what_lifts_a_limit_is_said_as_long_as_the_plan_runs() -> None:
    a_plan = plan(stage())
    last_on = max(
        item.latest_on for item in a_plan.milestones if item.latest_on is not None and item.kind != "prom_followup"
    )

    assert last_on == date(2026, 6, 30)
    assert reminders(a_plan, DIGEST, utc("2026-06-30T13:59"))["drive.ask.1"].outcome is Outcome.planned
    assert reminders(a_plan, DIGEST, utc("2026-06-30T14:00"))["drive.ask.1"].outcome is Outcome.past_window_closed


def test_a_message_about_the_same_milestone_that_comes_first_takes_its_place() -> None:
    rules = rules_with(PastPolicy.digest, MilestoneKind.walk30)  # the nudge is past from the 11th, the goal is due

    before = reminders(plan(stage()), rules, utc("2026-03-15T12:59"))["walk30.encourage.1"]
    after = reminders(plan(stage()), rules, utc("2026-03-15T13:00"))["walk30.encourage.1"]

    assert (before.outcome, before.due_at) == (Outcome.planned, utc("2026-03-15T13:00"))
    assert after.outcome is Outcome.past_superseded  # the goal comes on the 16th at nine, as the digest would


def test_what_gives_way_to_a_later_message_is_in_no_digest() -> None:
    patient = (replace(each, useful_hours=240) if each.key == "goal" else each for each in DIGEST.templates)

    found = reminders(plan(stage()), replace(DIGEST, templates=tuple(patient)), LATE)

    assert (found["drive.ask.1"].outcome, found["walk30.goal.1"].outcome) == (Outcome.planned, Outcome.planned)
    nudge = found["walk30.encourage.1"]
    assert (nudge.outcome, nudge.digest_in) == (Outcome.past_superseded, None)


def test_what_could_only_be_caught_up_with_as_its_use_ends_is_not_said() -> None:
    in_california = replace(AT_HOME, zone=ZoneInfo("America/Los_Angeles"))
    shipped = protocol("MD-MISS").reminders

    def asked(at: time) -> PlannedReminder:
        rules = (
            replace(each, past_policy=PastPolicy.catch_up, local_time=at, weekend=WeekendRule.send, useful_hours=24)
            if each.kind is MilestoneKind.driver_and_adult
            else each
            for each in shipped.templates
        )
        a_plan = plan(stage(day0=date(2026, 3, 4)))
        known_at = utc("2026-03-03T16:00")
        found = reminders(a_plan, replace(shipped, templates=tuple(rules)), known_at, prefs=in_california)
        return found["driver_and_adult.due.1"]

    assert asked(time(20, 59)).outcome is Outcome.planned
    assert asked(time(21)).outcome is Outcome.past_window_closed  # midnight in the clinic: its day of surgery


def test_the_plan_of_a_stage_runs_until_the_last_of_its_windows() -> None:
    walking, driving = milestone(plan(stage()), "walk30"), milestone(plan(stage()), "drive")

    assert (walking.latest_on, driving.latest_on) == (date(2026, 3, 23), date(2026, 3, 16))
    assert stages_run_until([walking, driving]) == stages_run_until([driving, walking]) == {1: date(2026, 3, 23)}


def test_what_was_said_is_not_said_again() -> None:
    first = reminders(plan(stage()), DIGEST, LATE)

    again = reminders(plan(stage()), DIGEST, LATE, said=[first["drive.ask.1"].identity])

    assert (again["drive.ask.1"].outcome, again["drive.ask.1"].digest_in) == (Outcome.past_digest, None)
    assert (again["walk30.goal.1"].outcome, again["walk30.goal.1"].digest_in) == (Outcome.planned, None)


def test_a_digest_of_one_is_that_message() -> None:
    rules = rules_with(PastPolicy.digest, MilestoneKind.walk30)

    goal = reminders(plan(stage()), rules, LATE)["walk30.goal.1"]

    assert (goal.scheduled_on, goal.due_at) == (date(2026, 3, 21), utc("2026-03-21T13:00"))
    assert goal.digest_in is None


def test_building_twice_gives_the_same_digest() -> None:
    assert reminders(plan(stage()), DIGEST, LATE) == reminders(plan(stage()), DIGEST, LATE)


def test_when_quiet_hours_outlast_the_newest_message_the_next_one_carries_the_digest() -> None:
    short = (replace(each, useful_hours=1) if each.kind == "drive" else each for each in DIGEST.templates)
    quiet = replace(AT_HOME, quiet_hours=QuietHours(start=time(9, 30), end=time(12)))

    found = reminders(plan(stage()), replace(DIGEST, templates=tuple(short)), utc("2026-03-19T15:00"), prefs=quiet)

    goal, drive = found["walk30.goal.1"], found["drive.ask.1"]
    assert (goal.outcome, goal.due_at, goal.digest_in) == (Outcome.planned, utc("2026-03-20T13:00"), None)
    assert (drive.outcome, drive.digest_in) == (Outcome.past_digest, goal.identity)


def test_a_digest_before_surgery_ends_with_the_first_of_its_days_of_surgery() -> None:
    rules = rules_with(PastPolicy.digest, MilestoneKind.education, MilestoneKind.stop_smoking)
    a_plan = plan(stage(day0=date(2026, 3, 4)), stage("TLIF-OPEN", day0=date(2026, 3, 6), ordinal=2))

    found = reminders(a_plan, rules, utc("2026-03-01T16:00"))

    (carrier,) = (each for each in found.values() if each.past_policy is PastPolicy.digest and each.digest_in is None)
    assert carrier.occurrence == 2
    assert {key for key, each in found.items() if each.digest_in == carrier.identity} == {
        "education.first.1",
        "education.first.2",
        "stop_smoking.start.1",
    }
    assert carrier.due_at == utc("2026-03-02T15:00")
    assert carrier.useful_until == utc("2026-03-04T05:00")  # midnight before the first surgery, in the clinic


def test_stages_that_became_known_apart_have_their_own_digests() -> None:
    rules = rules_with(PastPolicy.digest, MilestoneKind.education, MilestoneKind.stop_smoking)
    a_plan = plan(stage(day0=date(2026, 3, 4)), stage("TLIF-OPEN", day0=date(2026, 3, 6), ordinal=2))
    messages = {
        1: StageMessages(rules, utc("2026-03-01T16:00")),
        2: StageMessages(rules, utc("2026-03-02T16:00")),
    }

    found = plan_reminders(a_plan, messages, AT_HOME)

    carriers = [each for each in found if each.past_policy is PastPolicy.digest and each.outcome is Outcome.planned]
    assert [(each.occurrence, each.due_at) for each in carriers] == [
        (1, utc("2026-03-02T15:00")),
        (2, utc("2026-03-03T15:00")),
    ]


def test_a_stage_without_rules_is_refused() -> None:
    with pytest.raises(PlanError, match="messages: expected rules for each stage, got none for stage 1"):
        plan_reminders(plan(stage()), {2: StageMessages(DIGEST, LATE)}, AT_HOME)


@pytest.mark.parametrize("day0", [date(1, 1, 1), date(9999, 12, 31)])
def test_a_surgery_at_an_end_of_the_calendar_is_refused(day0: date) -> None:
    with pytest.raises(PlanError, match="in years 1 to 9999"):
        reminders(plan(stage(day0=day0)), DIGEST, LATE)


def test_a_surgery_without_a_date_reminds_nobody() -> None:
    assert reminders(plan(stage(day0=None)), DIGEST, LATE) == {}


def test_a_surgery_of_today_begins_with_what_is_still_useful() -> None:
    found = reminders(plan(stage()), DIGEST, utc("2026-03-02T12:00"))

    planned = [each for each in found.values() if each.outcome is Outcome.planned]
    assert {each.phase.value for each in planned} == {"after_surgery"}
    assert min(each.due_at for each in planned) > utc("2026-03-02T12:00")
