"""Wall time, quiet hours and open days in every zone and at the ends of the calendar."""

import doctest
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from time import tzset
from zoneinfo import ZoneInfo

import pytest

from schedules.plan import timing
from schedules.plan.errors import PlanError
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

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = QuietHours(start=time(21), end=time(8))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "on", "at", "expected"),
    [
        ("America/New_York", date(2026, 3, 2), time(9), "2026-03-02T14:00"),
        ("America/New_York", date(2026, 7, 2), time(9), "2026-07-02T13:00"),
        ("America/New_York", date(2026, 3, 8), time(2, 30), "2026-03-08T07:30"),  # skipped: 03:30 summer time
        ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T05:30"),  # twice: the first
        ("Europe/Berlin", date(2026, 3, 29), time(2), "2026-03-29T01:00"),
        ("Asia/Kathmandu", date(2026, 3, 2), time(9), "2026-03-02T03:15"),
        ("America/St_Johns", date(2026, 3, 2), time(9), "2026-03-02T12:30"),
        ("Pacific/Honolulu", date(2026, 3, 2), time(18), "2026-03-03T04:00"),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-03T15:45"),  # half an hour skipped
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "2026-04-04T14:45"),  # half an hour twice
        ("Pacific/Apia", date(2011, 12, 30), time(9), "2011-12-30T19:00"),  # a day that never was: 9:00 on the 31st
        ("Pacific/Kiritimati", date(2026, 3, 2), time(0), "2026-03-01T10:00"),
        ("Africa/Casablanca", date(2026, 2, 28), time(9), "2026-02-28T09:00"),  # clocks are put back for Ramadan
        ("Europe/Berlin", date(2028, 2, 29), time(9), "2028-02-29T08:00"),
    ],
)
def test_wall_time_becomes_utc(zone: str, on: date, at: time, expected: str) -> None:
    assert wall_instant(on, at, ZoneInfo(zone)) == utc(expected)


@pytest.fixture
def server_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The zone of the machine itself, as the C library has it."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Asia/Tokyo")
        tzset()
        yield
    tzset()


@pytest.mark.usefixtures("server_in_tokyo")
def test_instants_are_utc_wherever_the_server_stands() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=NEW_YORK)

    found = [wall_instant(date(2026, 3, 2), time(12), NEW_YORK), hold_for_quiet_hours(noon, NIGHT, NEW_YORK)]

    assert [each.isoformat() for each in found] == ["2026-03-02T17:00:00+00:00"] * 2


def test_a_fold_in_the_wall_time_is_ignored() -> None:
    assert wall_instant(date(2026, 11, 1), time(1, 30, fold=1), NEW_YORK) == utc("2026-11-01T05:30")


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-03-03T01:59", "2026-03-03T01:59"),  # 20:59, awake
        ("2026-03-03T02:00", "2026-03-03T13:00"),  # 21:00, the first quiet minute
        ("2026-03-03T05:00", "2026-03-03T13:00"),  # midnight
        ("2026-03-03T12:59", "2026-03-03T13:00"),  # 07:59
        ("2026-03-03T13:00", "2026-03-03T13:00"),  # 08:00, quiet no more
        ("2026-03-08T04:00", "2026-03-08T12:00"),  # over the night that is an hour short
        ("2026-11-01T03:00", "2026-11-01T13:00"),  # over the night that is an hour long
    ],
)
def test_quiet_hours_over_midnight_hold_until_their_end(instant: str, expected: str) -> None:
    assert hold_for_quiet_hours(utc(instant), NIGHT, NEW_YORK) == utc(expected)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-03-03T17:59", "2026-03-03T17:59"),
        ("2026-03-03T18:00", "2026-03-03T20:00"),
        ("2026-03-03T20:00", "2026-03-03T20:00"),
    ],
)
def test_quiet_hours_within_a_day_hold_until_their_end(instant: str, expected: str) -> None:
    siesta = QuietHours(start=time(13), end=time(15))

    assert hold_for_quiet_hours(utc(instant), siesta, NEW_YORK) == utc(expected)


def test_holding_in_an_hour_that_comes_twice_never_goes_back() -> None:
    quiet = QuietHours(start=time(22), end=time(1, 30))

    first = hold_for_quiet_hours(utc("2026-11-01T05:10"), quiet, NEW_YORK)  # 01:10 the first time
    second = hold_for_quiet_hours(utc("2026-11-01T06:10"), quiet, NEW_YORK)  # 01:10 the second time

    assert first == utc("2026-11-01T05:30")
    assert second == utc("2026-11-01T06:30")


def test_quiet_hours_that_end_on_a_day_that_never_was_end_on_the_next() -> None:
    held = hold_for_quiet_hours(utc("2011-12-30T09:00"), NIGHT, ZoneInfo("Pacific/Apia"))

    assert held == utc("2011-12-30T18:00")  # 08:00 on the 31st


def test_a_reminder_is_due_at_its_wall_time_or_after_quiet_hours() -> None:
    assert reminder_instant(date(2026, 3, 2), time(7), zone=NEW_YORK, quiet=None) == utc("2026-03-02T12:00")
    assert reminder_instant(date(2026, 3, 2), time(7), zone=NEW_YORK, quiet=NIGHT) == utc("2026-03-02T13:00")


def test_quiet_hours_need_two_wall_times() -> None:
    with pytest.raises(PlanError, match="two different times, got 21:00"):
        QuietHours(start=time(21), end=time(21))
    with pytest.raises(PlanError, match="wall times without a zone"):
        QuietHours(start=time(21, tzinfo=UTC), end=time(8))


@pytest.mark.parametrize(
    ("on", "later", "earlier"),
    [
        (date(2026, 3, 6), date(2026, 3, 6), date(2026, 3, 6)),  # Friday
        (date(2026, 3, 7), date(2026, 3, 9), date(2026, 3, 6)),  # Saturday
        (date(2026, 3, 8), date(2026, 3, 9), date(2026, 3, 6)),  # Sunday
        (date(2026, 4, 5), date(2026, 4, 7), date(2026, 4, 2)),  # Easter, closed from Friday to Monday
    ],
)
def test_open_days_are_weekdays_that_are_not_closed(on: date, later: date, earlier: date) -> None:
    closed = frozenset({date(2026, 4, 3), date(2026, 4, 6)})

    assert next_open_day(on, closed=closed) == later
    assert previous_open_day(on, closed=closed) == earlier


def test_beyond_the_calendar_there_is_a_refusal() -> None:
    tokyo, honolulu = ZoneInfo("Asia/Tokyo"), ZoneInfo("Pacific/Honolulu")

    with pytest.raises(PlanError, match="years 1 to 9999, got 0001-01-01"):
        wall_instant(date(1, 1, 1), time(1), tokyo)
    with pytest.raises(PlanError, match="years 1 to 9999, got 9999-12-31"):
        wall_instant(date(9999, 12, 31), time(23), honolulu)
    with pytest.raises(PlanError, match="years 1 to 9999"):
        local_time(datetime(1, 1, 1, 1, tzinfo=UTC), honolulu)
    with pytest.raises(PlanError, match="years 1 to 9999, got 9999-12-31"):
        hold_for_quiet_hours(datetime(9999, 12, 31, 22, tzinfo=UTC), NIGHT, ZoneInfo("UTC"))
    with pytest.raises(PlanError, match="years 1 to 9999"):
        next_open_day(date(9999, 12, 31), closed=frozenset({date(9999, 12, 31)}))
    with pytest.raises(PlanError, match="years 1 to 9999"):
        previous_open_day(date(1, 1, 1), closed=frozenset({date(1, 1, 1)}))
    with pytest.raises(PlanError, match="years 1 to 9999"):
        hours_after(datetime(9999, 12, 31, tzinfo=UTC), 24)
    with pytest.raises(PlanError, match="years 1 to 9999"):
        days_after(date(9999, 12, 31), 1)


def test_naive_instants_and_zoned_wall_times_are_refused() -> None:
    with pytest.raises(PlanError, match="instant: expected an aware time, got a naive one"):
        hold_for_quiet_hours(datetime(2026, 3, 2), NIGHT, NEW_YORK)  # noqa: DTZ001
    with pytest.raises(PlanError, match="wall time: expected a time without a zone"):
        wall_instant(date(2026, 3, 2), time(9, tzinfo=UTC), NEW_YORK)


def test_the_examples_of_the_module_hold() -> None:
    assert doctest.testmod(timing).failed == 0
