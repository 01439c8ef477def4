"""Silence is an alarm: no tick for three polls, a worker that hangs, something due in nobody's hands."""

from datetime import datetime, timedelta

import pytest

from schedules.watch.judgement import Cause, Code, Heartbeat, Readings, Rhythm, Status, count_alive, judge
from tests.clock import MONDAY_AFTERNOON

RHYTHM = Rhythm.of_seconds(poll=5, lease=30)
NOW = MONDAY_AFTERNOON


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def ticking(*seconds: float) -> tuple[Heartbeat, ...]:
    return tuple(Heartbeat(f"worker-{number}", ago(each)) for number, each in enumerate(seconds))


@pytest.mark.parametrize(
    ("readings", "status"),
    [
        (Readings(NOW), Status.silent),
        (Readings(NOW, ticking(15)), Status.ok),
        (Readings(NOW, ticking(15.5)), Status.silent),
        (Readings(NOW, ticking(1, 15.5)), Status.stuck),
        (Readings(NOW, ticking(1, 16 * 60)), Status.ok),
        (Readings(NOW, ticking(1), untouched_since=ago(45)), Status.ok),
        (Readings(NOW, ticking(1), untouched_since=ago(46)), Status.late),
        (Readings(NOW, ticking(1, 60), untouched_since=ago(46)), Status.stuck),
        (Readings(NOW, ticking(60), untouched_since=ago(46)), Status.silent),
        (Readings(NOW, ticking(1), quarantined=2), Status.ok),
    ],
)
def test_the_worst_that_holds_is_told(readings: Readings, status: Status) -> None:
    assert judge(readings, RHYTHM).status is status


def test_a_worker_that_ended_cleanly_hangs_not_but_its_silence_counts() -> None:
    stopped = Heartbeat("worker-1", ago(20), stopped_at=ago(19))

    alone, beside_another = (
        judge(Readings(NOW, (stopped,)), RHYTHM),
        judge(Readings(NOW, (stopped, *ticking(1))), RHYTHM),
    )

    assert (alone.status, beside_another.status) == (Status.silent, Status.ok)


def test_every_reason_is_told_the_gravest_first() -> None:
    readings = Readings(NOW, ticking(60), untouched_since=ago(50), quarantined=3)

    assert judge(readings, RHYTHM).causes == (
        Cause(Code.no_tick, seconds=60),
        Cause(Code.worker_stuck, seconds=60, count=1),
        Cause(Code.delivery_overdue, seconds=50),
        Cause(Code.quarantined, count=3),
    )


def test_a_very_short_poll_beats_once_a_second_and_is_judged_by_that() -> None:
    rhythm = Rhythm.of_seconds(poll=0.1, lease=30)

    assert judge(Readings(NOW, ticking(2.9)), rhythm).status is Status.ok
    assert rhythm.late_after == timedelta(seconds=33)


def test_only_workers_that_tick_are_alive() -> None:
    stopped = Heartbeat("worker-9", ago(1), stopped_at=ago(1))

    assert count_alive(Readings(NOW, (*ticking(1, 4, 60), stopped)), RHYTHM) == 2
