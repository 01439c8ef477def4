"""A simulation: what each of the next days brings, and what will not be sent."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.errors import PlanError
from schedules.plan.items import ClinicRules, FilledSlot, PatientFacts, Stage
from schedules.plan.reminders import ReminderPrefs
from schedules.plan.shifts import Shift, ShiftReason
from schedules.plan.simulate import LimitEvent, MilestoneEvent, Scenario, SimulatedDay, Simulation, simulate
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import Channel, MilestoneKind, ReminderOutcome, RestrictionKind, SurgeryStatus, WorkClass
from tests.unit.plan.samples import DAY0, plan, protocol, stage

NEW_YORK = ZoneInfo("America/New_York")
ENROLLED_AT = datetime(2026, 2, 20, 15, 0, tzinfo=UTC)
ALL_DAYS = 110  # to 9 June


def scenario(*stages: Stage, enrolled_at: datetime = ENROLLED_AT, zone: ZoneInfo = NEW_YORK) -> Scenario:
    return Scenario(
        stages=stages or (stage("TLIF-MISS"),),
        patient=PatientFacts(work_class=WorkClass.heavy),
        prefs=ReminderPrefs(zone=zone, clinic_zone=NEW_YORK),
        enrolled_at=enrolled_at,
    )


def run(case: Scenario | None = None, *, from_on: date = date(2026, 2, 20), days: int = ALL_DAYS) -> Simulation:
    return simulate(case or scenario(), from_on=from_on, days=days)


def day(simulation: Simulation, on: date) -> SimulatedDay:
    return next(each for each in simulation.days if each.on == on)


def events(of_day: SimulatedDay) -> set[tuple[MilestoneEvent, str]]:
    return {(change.event, change.milestone.key) for change in of_day.milestones}


def limits(of_day: SimulatedDay) -> set[tuple[LimitEvent, RestrictionKind, int | None]]:
    return {(change.event, change.restriction.kind, change.restriction.limit_lb) for change in of_day.limits}


def sent(of_day: SimulatedDay) -> set[tuple[str, str]]:
    return {(each.reminder.milestone_key, each.reminder.key) for each in of_day.messages}


def test_every_day_of_the_span_is_told_with_its_day_since_surgery() -> None:
    simulation = run(days=12)

    assert [each.on for each in simulation.days] == [date(2026, 2, 20 + day) for day in range(9)] + [
        date(2026, 3, 1), DAY0, date(2026, 3, 3)
    ]  # fmt: skip
    assert [dict(each.pods) for each in simulation.days[-3:]] == [{1: -1}, {1: 0}, {1: 1}]


def test_weekends_and_closed_days_are_marked() -> None:
    case = scenario()
    case = replace(case, prefs=replace(case.prefs, closed_days=frozenset({date(2026, 2, 25)})))

    closed = [each.on.day for each in run(case, days=8).days if each.is_closed]

    assert closed == [21, 22, 25]


def test_a_day_without_anything_is_quiet() -> None:
    simulation = run()

    assert not day(simulation, date(2026, 3, 8)).is_eventful
    assert day(simulation, date(2026, 3, 8)).limits == ()
    assert day(simulation, date(2026, 3, 3)).is_eventful  # the first steps close
    assert day(simulation, date(2026, 3, 14)).is_eventful  # a message alone
    assert day(simulation, date(2026, 3, 17)).is_eventful  # a limit alone


def test_milestones_open_fall_due_become_eligible_and_close() -> None:
    simulation = run()

    assert (MilestoneEvent.opens, "drive") in events(day(simulation, date(2026, 3, 16)))
    assert {(MilestoneEvent.target, "drive"), (MilestoneEvent.eligible, "drive")} <= events(
        day(simulation, date(2026, 3, 23))
    )
    assert (MilestoneEvent.closes, "drive") in events(day(simulation, date(2026, 3, 30)))


def test_only_what_lifts_a_restriction_becomes_eligible() -> None:
    told = {
        change.milestone.key
        for each in run().days
        for change in each.milestones
        if change.event is MilestoneEvent.eligible and change.milestone.lifts is None
    }

    assert told == set()


def test_limits_begin_may_end_and_end() -> None:
    simulation = run()

    assert (LimitEvent.begins, RestrictionKind.driving, None) in limits(day(simulation, DAY0))
    assert limits(day(simulation, date(2026, 3, 23))) == {(LimitEvent.may_end, RestrictionKind.driving, None)}
    assert limits(day(simulation, date(2026, 4, 14))) == {
        (LimitEvent.ended, RestrictionKind.lifting, 10),
        (LimitEvent.begins, RestrictionKind.lifting, 20),
    }


def test_the_strictest_limit_holds_while_nothing_is_cleared() -> None:
    simulation = run()

    told = {on: day(simulation, on).lifting_lb for on in (date(2026, 3, 1), DAY0, date(2026, 4, 13), date(2026, 4, 14))}
    assert list(told.values()) == [None, 10, 10, 20]
    assert day(simulation, date(2026, 5, 26)).lifting_lb == 20  # the step to 50 lb waits for a clinician


def test_a_message_comes_with_the_patients_wall_time_and_its_reason() -> None:
    case = scenario(zone=ZoneInfo("America/Los_Angeles"))
    case = replace(case, prefs=replace(case.prefs, quiet_hours=QuietHours(time(21), time(9, 30))))

    (message,) = day(run(case), date(2026, 3, 5)).messages

    assert (message.reminder.milestone_key, message.template.kind) == ("shower", MilestoneKind.shower)
    assert message.local_at.isoformat() == "2026-03-05T09:30:00-08:00"
    assert message.reminder.due_at == datetime(2026, 3, 5, 17, 30, tzinfo=UTC)
    assert message.shifts == (Shift(ShiftReason.quiet_hours, datetime(2026, 3, 5, 17, 0, tzinfo=UTC)),)


def test_a_message_names_the_patients_channels_in_their_order() -> None:
    case = replace(scenario(), channels=(Channel.push, Channel.email))

    assert {message.channels for each in run(case).days for message in each.messages} == {case.channels}
    assert {message.channels for each in run(scenario()).days for message in each.messages} == {None}


def test_a_message_stands_on_the_day_on_which_it_reaches_the_patient() -> None:
    case = scenario(zone=ZoneInfo("Pacific/Auckland"))
    case = replace(case, prefs=replace(case.prefs, quiet_hours=QuietHours(time(8), time(1))))

    simulation = run(case)

    assert sent(day(simulation, date(2026, 3, 5))) == set()
    (message,) = day(simulation, date(2026, 3, 6)).messages
    assert message.reminder.scheduled_on == date(2026, 3, 5)
    assert message.local_at.isoformat() == "2026-03-06T01:00:00+13:00"


def test_what_will_not_be_sent_is_told_with_its_reason_up_to_the_last_day() -> None:
    late = scenario(enrolled_at=datetime(2026, 4, 20, 15, 0, tzinfo=UTC))

    told = {(each.milestone_key, each.key): each.outcome for each in run(late, from_on=date(2026, 4, 20)).not_sent}

    assert told["step_baseline", "start"] is ReminderOutcome.past_skip
    assert told["drive", "ask"] is ReminderOutcome.asked_coordinator
    assert all(outcome is not ReminderOutcome.planned for outcome in told.values())


def test_what_will_not_be_sent_after_the_last_day_is_left_out() -> None:
    day_before = run(days=9)  # to the 28th; the fasting reminder, not signed, is for 1 March
    that_day = run(days=10)

    assert "fasting" not in {each.milestone_key for each in day_before.not_sent}
    assert "fasting" in {each.milestone_key for each in that_day.not_sent}


@pytest.mark.parametrize(
    ("for_day0", "is_signed", "goes"), [(DAY0, True, True), (DAY0, False, False), (date(2026, 3, 3), True, False)]
)
def test_fasting_is_said_if_it_is_signed_for_the_day(for_day0: date, *, is_signed: bool, goes: bool) -> None:
    slots = {"fasting": FilledSlot(for_day0, is_signed=is_signed)}

    simulation = run(scenario(replace(stage("TLIF-MISS"), slots=slots)))

    assert (("fasting", "evening") in sent(day(simulation, date(2026, 3, 1)))) is goes


def test_stages_are_planned_together_each_with_its_own_days() -> None:
    second = stage("MD-MISS", day0=date(2026, 6, 1), ordinal=2)

    simulation = run(scenario(stage("INTRACEPT"), second))

    assert dict(day(simulation, date(2026, 6, 2)).pods) == {1: 92, 2: 1}
    superseded = {key for event, key in events(day(simulation, date(2026, 6, 1))) if event is MilestoneEvent.superseded}
    assert "drive" in superseded
    assert simulation.plan == plan(
        stage("INTRACEPT"), second, patient=PatientFacts(work_class=WorkClass.heavy), enrolled_on=date(2026, 2, 20)
    )


def test_a_stage_without_a_day_has_no_days_and_no_messages() -> None:
    simulation = run(scenario(stage("TLIF-MISS", day0=None)))

    assert simulation.plan.milestones
    assert not any(each.is_eventful or each.pods for each in simulation.days)
    assert simulation.not_sent == ()


def test_a_cancelled_stage_is_not_counted() -> None:
    cancelled = replace(stage("MD-MISS", ordinal=2), status=SurgeryStatus.cancelled)

    assert run(scenario(stage("TLIF-MISS"), cancelled)).days == run().days


def test_the_clinics_own_table_of_work_levels_is_followed() -> None:
    shipped = protocol("TLIF-MISS").work
    levels = tuple(
        replace(level, eligible_by=type(level.eligible_by).surgeon) if level.work_class is WorkClass.heavy else level
        for level in shipped.levels
    )

    simulation = run(replace(scenario(), clinic=ClinicRules(work=replace(shipped, levels=levels))))

    told = [item for item in simulation.plan.milestones if item.key == "rtw_heavy"]
    assert [item.eligible_on for item in told] == [None]


def test_the_day_of_enrolment_is_the_clinics() -> None:
    evening = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)  # the 3rd in New York, on which the first steps close
    morning = datetime(2026, 3, 4, 5, 0, tzinfo=UTC)

    past = [
        next(item.past_policy for item in run(scenario(enrolled_at=at)).plan.milestones if item.key == "mobilise")
        for at in (evening, morning)
    ]

    assert past == [None, "not_applicable"]


@pytest.mark.parametrize(("days", "got"), [(0, "0"), (1501, "1501")])
def test_a_number_of_days_that_cannot_be_is_refused(days: int, got: str) -> None:
    with pytest.raises(PlanError) as refusal:
        run(days=days)

    assert (refusal.value.where, refusal.value.expected, refusal.value.got) == ("days", "1 to 1500", got)


def test_a_simulation_of_no_surgery_is_refused() -> None:
    with pytest.raises(PlanError) as refusal:
        simulate(replace(scenario(), stages=()), from_on=DAY0, days=1)

    assert (refusal.value.where, refusal.value.expected, refusal.value.got) == (
        "stages",
        "at least one surgery",
        "none",
    )


def test_a_span_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(PlanError) as refusal:
        run(from_on=date(9999, 12, 31), days=2)

    assert refusal.value.where == "date"


def test_the_shortest_span_is_a_day_and_the_longest_four_years() -> None:
    assert [each.on for each in run(from_on=DAY0, days=1).days] == [DAY0]
    assert len(run(scenario(stage(day0=None)), days=1500).days) == 1500
