"""What the self-audit holds against a request, and what it lets pass."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules.plan.timing import QuietHours
from schedules.watch.requests import Accepted, Request, sent_twice, was_called_for, was_timely
from tests.builders import DUE_AT, USEFUL_UNTIL
from tests.clock import MONDAY_AFTERNOON

MINUTE = timedelta(minutes=1)


def request(started_at: datetime = MONDAY_AFTERNOON, *ended_ats: datetime, quiet: QuietHours | None = None) -> Request:
    return Request(
        reminder_id="reminder-1",
        started_at=started_at,
        due_at=DUE_AT,
        useful_until=USEFUL_UNTIL,
        ended_ats=ended_ats,
        zone=ZoneInfo("America/New_York"),
        quiet_hours=quiet,
    )


@pytest.mark.parametrize(
    ("ended", "called_for"),
    [((), True), ((MINUTE,), True), ((-MINUTE,), True), ((-MINUTE * 1.1,), False), ((MINUTE, -MINUTE * 2), False)],
)
def test_a_request_over_a_minute_after_the_end_of_its_message_is_found(
    ended: tuple[timedelta, ...], called_for: bool
) -> None:
    ended_ats = (MONDAY_AFTERNOON + each for each in ended)

    assert was_called_for(request(MONDAY_AFTERNOON, *ended_ats)) is called_for


@pytest.mark.parametrize(
    ("started_at", "quiet", "timely"),
    [
        (DUE_AT, None, True),
        (DUE_AT - timedelta(microseconds=1), None, False),
        (USEFUL_UNTIL - timedelta(microseconds=1), None, True),
        (USEFUL_UNTIL, None, False),
        (MONDAY_AFTERNOON, QuietHours(time(21), time(8)), True),
        (MONDAY_AFTERNOON, QuietHours(time(9), time(10, 30)), False),  # it is ten in New York
    ],
)
def test_a_request_at_a_wrong_time_is_found(started_at: datetime, quiet: QuietHours | None, timely: bool) -> None:
    assert was_timely(request(started_at, quiet=quiet)) is timely


def test_a_generation_that_a_target_got_twice_is_found_and_a_fall_back_is_not() -> None:
    mail, phone = Accepted("a", 1, DUE_AT, b"mail"), Accepted("a", 1, DUE_AT, b"phone")

    assert sent_twice([mail, phone]) == frozenset()
    assert sent_twice([mail, phone, mail]) == {"a"}


def test_a_due_time_that_two_generations_went_out_for_is_found() -> None:
    first, moved = Accepted("a", 1, DUE_AT, b"mail"), Accepted("a", 2, DUE_AT + timedelta(days=1), b"mail")

    assert sent_twice([first, moved]) == frozenset()
    assert sent_twice([first, moved, Accepted("a", 3, DUE_AT, b"mail")]) == {"a"}
