"""Wall times over every date, zone and clock change: an answer or a clear refusal, in order, outside quiet hours."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schedules.plan.build import PatientFacts, Stage, build_plan
from schedules.plan.errors import PlanError
from schedules.plan.library import load_library
from schedules.plan.protocol import ReminderTemplate
from schedules.plan.reminders import PLANNED, PlannedReminder, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.timing import (
    QuietHours,
    days_after,
    hold_for_quiet_hours,
    hours_after,
    local_time,
    next_open_day,
    previous_open_day,
    reminder_instant,
    wall_instant,
)
from schedules.plan.vocabulary import PastPolicy, SurgeryStatus

ENDS_OF_TIME = (date.min, date(1, 1, 2), date(9999, 12, 30), date.max)
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
wall_times = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))
any_days = st.dates() | st.sampled_from(ENDS_OF_TIME) | st.sampled_from([date(2024, 2, 29), date(2011, 12, 30)])
usual_days = st.dates(date(1970, 1, 2), date(2100, 1, 1))
quiet_hours = (
    st.tuples(wall_times, wall_times).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: QuietHours(*pair))
)


def is_at_an_end(on: date) -> bool:
    return not 1 < on.year < 9999


@settings(max_examples=300)
@given(any_days, wall_times, zones, st.none() | quiet_hours)
@example(date(2011, 12, 30), time(9), APIA, QuietHours(time(21), time(8)))
@example(date.min, time(0), ZoneInfo("Asia/Tokyo"), None)
@example(date.max, time(23, 59), ZoneInfo("Pacific/Honolulu"), QuietHours(time(23), time(1)))
def test_every_wall_time_of_every_date_is_due_outside_quiet_hours_or_refused(
    on: date, at: time, zone: ZoneInfo, quiet: QuietHours | None
) -> None:
    try:
        due_at = reminder_instant(on, at, zone=zone, quiet=quiet)
        local = local_time(due_at, zone)
    except PlanError:
        assert is_at_an_end(on)
        return

    assert due_at.tzinfo is UTC
    assert due_at >= wall_instant(on, at, zone)
    assert quiet is None or not quiet.hold(local.time())


@settings(max_examples=200)
@given(usual_days, wall_times, zones)
@example(date(2011, 12, 29), time(9), APIA)
@example(date(2026, 3, 7), time(2, 30), ZoneInfo("America/New_York"))
@example(date(2026, 10, 31), time(1, 30), ZoneInfo("America/New_York"))
@example(date(2026, 4, 4), time(1, 45), ZoneInfo("Australia/Lord_Howe"))
def test_the_same_wall_time_on_later_dates_never_comes_earlier(on: date, at: time, zone: ZoneInfo) -> None:
    instants = [wall_instant(days_after(on, days), at, zone) for days in range(4)]

    apart = [later - sooner for sooner, later in pairwise(instants)]
    # A date that a zone left out has no instants of its own: its wall times fall on those of the next date.
    assert all(gap > timedelta(0) or _is_left_out(days_after(on, index), zone) for index, gap in enumerate(apart))
    assert all(gap >= timedelta(0) for gap in apart)


def _is_left_out(on: date, zone: ZoneInfo) -> bool:
    return local_time(wall_instant(on, time(0), zone), zone).date() != on


@settings(max_examples=300)
@given(any_days, st.integers(-(10**7), 10**7), st.frozensets(any_days, max_size=4))
def test_counting_days_and_hours_and_open_days_answers_or_refuses(
    on: date, count: int, closed: frozenset[date]
) -> None:
    midnight = datetime(on.year, on.month, on.day, tzinfo=UTC)
    counts: tuple[Callable[[], bool], ...] = (
        lambda: days_after(on, count) - on == timedelta(days=count),
        lambda: hours_after(midnight, count) - midnight == timedelta(hours=count),
        lambda: next_open_day(on, closed=closed) >= on,
        lambda: previous_open_day(on, closed=closed) <= on,
    )
    for count_up in counts:
        with suppress(PlanError):
            assert count_up()


@st.composite
def digesting_messages(draw: st.DrawFn, known_at: datetime) -> StageMessages:
    """Rules of a clinic that gathers some kinds of past items in a digest."""
    rules = load_library().protocols[0].reminders
    gathered = draw(st.frozensets(st.sampled_from(sorted({each.kind for each in rules.templates}))))

    def changed(template: ReminderTemplate) -> ReminderTemplate:
        if template.kind not in gathered:
            return template
        return ReminderTemplate(
            **{name: getattr(template, name) for name in template.__slots__} | {"past_policy": PastPolicy.digest}
        )

    templates = tuple(changed(each) for each in rules.templates)
    return StageMessages(type(rules)(rules.version, rules.status, templates, rules.silent), known_at)


@settings(max_examples=60)
@given(st.data(), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(-100, 800), zones, quiet_hours)
def test_a_digest_doubles_and_drops_nothing(
    data: st.DataObject, day0: date, known_days: int, zone: ZoneInfo, quiet: QuietHours
) -> None:
    protocol = data.draw(st.sampled_from(load_library().protocols))
    known_at = wall_instant(days_after(day0, known_days), time(12), zone)
    messages = data.draw(digesting_messages(known_at))
    stage = Stage(1, protocol, day0, SurgeryStatus.performed, None)
    plan = build_plan([stage], PatientFacts(work_class=None), enrolled_on=local_time(known_at, zone).date())

    found = plan_reminders(plan, {1: messages}, ReminderPrefs(zone, zone, quiet))

    by_identity = {each.identity: each for each in found}
    carriers = {each.digest_in for each in found if each.digest_in is not None}
    assert len(by_identity) == len(found)
    assert all(by_identity[each].outcome is PLANNED and by_identity[each].digest_in is None for each in carriers)
    assert len([each for each in found if _carries(each)]) <= 2  # one on each side of surgery
    for each in found:
        assert each.outcome is not PLANNED or (each.due_at < each.useful_until and each.useful_until > known_at)
        assert (each.outcome == "past_digest") == (each.digest_in is not None)
        assert not quiet.hold(local_time(each.due_at, zone).time())


def _carries(reminder: PlannedReminder) -> bool:
    return reminder.outcome is PLANNED and reminder.past_policy is PastPolicy.digest


@settings(max_examples=200)
@given(st.datetimes(timezones=st.just(UTC)), quiet_hours, zones)
def test_a_hold_ends_once_and_never_outlasts_a_night_by_more_than_a_clock_change(
    instant: datetime, quiet: QuietHours, zone: ZoneInfo
) -> None:
    try:
        held = hold_for_quiet_hours(instant, quiet, zone)
    except PlanError:
        assert is_at_an_end(instant.date())
        return

    assert held == hold_for_quiet_hours(held, quiet, zone)
    assert timedelta(0) <= held - instant <= timedelta(days=2)
