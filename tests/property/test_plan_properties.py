"""The plan engine over all days, zones and facts: an answer or a refusal, and always the same one."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schedules.plan.build import PatientFacts, Plan, Stage, build_plan
from schedules.plan.errors import PlanError
from schedules.plan.library import load_library
from schedules.plan.progress import NO_PROGRESS, facts_of, milestone_state
from schedules.plan.reminders import PLANNED, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.timing import QuietHours, hold_for_quiet_hours, local_time, next_open_day, wall_instant
from schedules.plan.vocabulary import MilestoneState, OpioidUse, Owner, Phase, Setting, SurgeryStatus, WorkClass

ZONES = sorted(available_timezones())
zones = st.sampled_from(ZONES).map(ZoneInfo)
wall_times = st.times(timezones=st.none()).map(lambda at: at.replace(second=0, microsecond=0, fold=0))
instants = st.datetimes(timezones=st.just(UTC))
usual_days = st.dates(date(2000, 1, 1), date(2060, 12, 31))
usual_instants = st.datetimes(datetime(2000, 1, 1), datetime(2060, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
patients = st.builds(
    PatientFacts,
    work_class=st.none() | st.sampled_from(WorkClass),
    opioid_use=st.sampled_from(OpioidUse),
    low_bone_density=st.booleans(),
    wants_contact_sport=st.booleans(),
    takes_blood_thinner=st.none() | st.booleans(),
    has_diabetes_or_glp1=st.none() | st.booleans(),
    uses_nicotine=st.none() | st.booleans(),
)


def stages(days: st.SearchStrategy[date]) -> st.SearchStrategy[Stage]:
    return st.builds(
        Stage,
        ordinal=st.integers(1, 9),
        protocol=st.sampled_from(load_library().protocols),
        day0=st.none() | days,
        status=st.sampled_from(SurgeryStatus),
        setting=st.none() | st.sampled_from(Setting),
        brace_ordered=st.booleans(),
    )


@st.composite
def quiet_hours(draw: st.DrawFn) -> QuietHours:
    start, end = draw(st.tuples(wall_times, wall_times).filter(lambda pair: pair[0] != pair[1]))
    return QuietHours(start=start, end=end)


def preferences() -> st.SearchStrategy[ReminderPrefs]:
    return st.builds(
        ReminderPrefs,
        zone=zones,
        clinic_zone=zones,
        quiet_hours=st.none() | quiet_hours(),
        closed_days=st.frozensets(usual_days, max_size=5),
    )


@st.composite
def episodes(draw: st.DrawFn) -> Plan:
    some = draw(st.lists(stages(usual_days), max_size=3, unique_by=lambda item: item.ordinal))
    return build_plan(some, draw(patients), enrolled_on=draw(usual_days))


def messages_of(a_plan: Plan, known_at: datetime) -> dict[int, StageMessages]:
    rules = load_library().protocols[0].reminders
    return {item.occurrence: StageMessages(rules, known_at) for item in a_plan.milestones}


@settings(max_examples=60)
@given(st.lists(stages(st.dates()), max_size=3, unique_by=lambda item: item.ordinal), patients, st.dates())
def test_any_surgeries_give_the_same_plan_twice_or_a_refusal(
    some: list[Stage], patient: PatientFacts, enrolled_on: date
) -> None:
    try:
        first = build_plan(some, patient, enrolled_on=enrolled_on)
    except PlanError:
        return

    assert repr(first) == repr(build_plan(some[::-1], patient, enrolled_on=enrolled_on))


@settings(max_examples=60)
@given(episodes())
def test_what_a_plan_promises_holds(a_plan: Plan) -> None:
    identities = [(item.key, item.occurrence) for item in a_plan.milestones]
    limits = [(item.kind, item.occurrence, item.sequence) for item in a_plan.restrictions]

    assert len(set(identities)) == len(identities)
    assert len(set(limits)) == len(limits)
    for item in a_plan.milestones:
        window = [day for day in (item.earliest_on, item.target_on, item.latest_on) if day is not None]
        assert window == sorted(window)
        assert item.eligible_days is None or item.target_days is None or item.eligible_days >= item.target_days
        assert (item.phase is Phase.after_surgery) or (item.target_days or -1) < 0
    for limit in a_plan.restrictions:
        assert limit.through_days is None or limit.through_days >= limit.from_days


@settings(max_examples=60)
@given(episodes(), st.dates())
def test_every_milestone_has_a_state_on_every_day(a_plan: Plan, on: date) -> None:
    for item in a_plan.milestones:
        state = milestone_state(facts_of(item), NO_PROGRESS, on)
        assert state is not MilestoneState.overdue or (item.owner is Owner.patient and item.lifts is None)
        assert state is not MilestoneState.eligible or item.lifts is not None
        assert state not in (MilestoneState.achieved, MilestoneState.cleared)


@settings(max_examples=40)
@given(episodes(), preferences(), usual_instants)
def test_reminders_come_outside_quiet_hours_and_in_time(
    a_plan: Plan, prefs: ReminderPrefs, enrolled_at: datetime
) -> None:
    messages = messages_of(a_plan, enrolled_at)

    found = plan_reminders(a_plan, messages, prefs)

    identities = [(item.milestone_key, item.occurrence, item.key, item.repeat) for item in found]
    days0 = {item.occurrence: item.day0 for item in a_plan.milestones if item.day0 is not None}
    assert len(set(identities)) == len(identities)
    assert found == plan_reminders(a_plan, messages, prefs)
    for item in found:
        quiet = prefs.quiet_hours
        assert quiet is None or not quiet.hold(local_time(item.due_at, prefs.zone).time())
        if item.outcome is PLANNED:
            assert item.due_at < item.useful_until
            assert item.useful_until > enrolled_at
            if item.phase is Phase.before_surgery:
                day0_begins = wall_instant(days0[item.occurrence], time(0), prefs.clinic_zone)
                assert item.useful_until <= day0_begins


@settings(max_examples=40)
@given(episodes(), st.datetimes(timezones=st.just(UTC)), zones)
def test_any_moment_of_enrolment_gives_reminders_or_a_refusal(
    a_plan: Plan, enrolled_at: datetime, zone: ZoneInfo
) -> None:
    prefs = ReminderPrefs(zone=zone, clinic_zone=zone)
    try:
        plan_reminders(a_plan, messages_of(a_plan, enrolled_at), prefs)
    except PlanError:
        assert enrolled_at.year in (1, 9999)


@settings(max_examples=300)
@given(st.dates(), wall_times, zones)
@example(date(2011, 12, 30), time(10), ZoneInfo("Pacific/Apia"))
@example(date(2024, 2, 29), time(2, 30), ZoneInfo("Australia/Lord_Howe"))
def test_any_wall_time_is_an_instant_or_a_refusal(on: date, at: time, zone: ZoneInfo) -> None:
    try:
        instant = wall_instant(on, at, zone)
        local = local_time(instant, zone).replace(tzinfo=None)
    except PlanError:
        assert on.year in (1, 9999)
        return

    forward = local - datetime.combine(on, at)
    assert timedelta(0) <= forward <= timedelta(days=1)


@settings(max_examples=300)
@given(instants, quiet_hours(), zones)
def test_quiet_hours_hold_forward_and_only_once(instant: datetime, quiet: QuietHours, zone: ZoneInfo) -> None:
    try:
        held = hold_for_quiet_hours(instant, quiet, zone)
        again = hold_for_quiet_hours(held, quiet, zone)
    except PlanError:
        assert instant.year in (1, 9999)
        return

    assert instant <= held <= instant + timedelta(days=2)
    assert again == held
    assert not quiet.hold(local_time(held, zone).time())


@settings(max_examples=60)
@given(usual_days, st.frozensets(usual_days, max_size=5))
def test_the_next_open_day_is_a_weekday_that_is_not_closed(on: date, closed: frozenset[date]) -> None:
    open_on = next_open_day(on, closed=closed)

    assert on <= open_on
    assert open_on.isoweekday() <= 5
    assert open_on not in closed
