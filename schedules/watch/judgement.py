"""Judges from a few readings whether reminders are being delivered. Pure: readings in, a status and its reasons out.

Silence is an alarm: a worker that is not there, or hangs, says nothing, so what is judged is what did not happen.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SILENT_AFTER_POLLS = 3  # one may be lost to a restart, one to a long round of jobs
# Shorter polls than this beat no faster: each beat is a commit.
SHORTEST_BEAT = timedelta(seconds=1)
# A worker that was killed left its heartbeat behind, and nobody can tell it from one that hangs. So long it counts as
# hanging; then as gone: what it held has been claimed by others long since.
TAKEN_FOR_GONE_AFTER = timedelta(minutes=10)


class Status(StrEnum):
    """How delivery stands; the worst that holds, in this order: silent, unheard, stuck, late."""

    ok = "ok"
    late = "late"
    silent = "silent"
    stuck = "stuck"
    unheard = "unheard"


class Code(StrEnum):
    """Why a status is what it is. `quarantined` alone does not turn it red: others go on."""

    no_tick = "no_tick"
    worker_stuck = "worker_stuck"
    delivery_overdue = "delivery_overdue"
    alert_unheard = "alert_unheard"  # its time is up, and no message about it reached anybody
    quarantined = "quarantined"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One run of a worker, as it was last heard of."""

    worker_id: str
    ticked_at: datetime
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the workers look for what is due, and how long one of them holds a delivery."""

    poll: timedelta
    lease: timedelta

    @classmethod
    def of_seconds(cls, *, poll: float, lease: float) -> "Rhythm":
        """Return the rhythm of these settings."""
        return cls(timedelta(seconds=poll), timedelta(seconds=lease))

    @property
    def beat(self) -> timedelta:
        """Return how often a worker gives a sign of life."""
        return max(self.poll, SHORTEST_BEAT)

    @property
    def silent_after(self) -> timedelta:
        """Return how long nothing may have ticked."""
        return SILENT_AFTER_POLLS * self.beat

    @property
    def late_after(self) -> timedelta:
        """Return how long a delivery may be due and in nobody's hands.

        Three polls, as for silence, and one lease: so long nobody takes over what a worker held when it died.
        """
        return SILENT_AFTER_POLLS * self.beat + self.lease


@dataclass(frozen=True, slots=True)
class Readings:
    """What is known at `now`. `untouched_since`: when the longest due delivery that nobody holds became due."""

    now: datetime
    heartbeats: tuple[Heartbeat, ...] = ()
    untouched_since: datetime | None = None
    quarantined: int = 0  # in the last day
    unheard: int = 0  # open alerts whose time is up, and about which nobody could be told


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason: for how long it has held, where that is known, and how many are concerned."""

    code: Code
    seconds: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How delivery stands, and why: the gravest reason first."""

    status: Status
    causes: tuple[Cause, ...] = ()


def judge(readings: Readings, rhythm: Rhythm) -> Judgement:
    """Return how delivery stands.

    >>> from datetime import UTC
    >>> judge(Readings(datetime(2026, 3, 2, tzinfo=UTC)), Rhythm(timedelta(seconds=5), timedelta(seconds=30))).status
    <Status.silent: 'silent'>
    """
    causes, status = [], Status.ok
    for found, cause in (
        (Status.silent, _silence(readings, rhythm)),
        (Status.unheard, _deafness(readings)),
        (Status.stuck, _stuck(readings, rhythm)),
        (Status.late, _lateness(readings, rhythm)),
    ):
        if cause is not None:
            causes.append(cause)
            status = found if status is Status.ok else status
    if readings.quarantined:
        causes.append(Cause(Code.quarantined, count=readings.quarantined))
    return Judgement(status, tuple(causes))


def count_alive(readings: Readings, rhythm: Rhythm) -> int:
    """Return how many workers run and ticked lately."""
    return sum(1 for each in _running(readings) if readings.now - each.ticked_at <= rhythm.silent_after)


def last_tick(readings: Readings) -> datetime | None:
    """Return when any worker last ticked; None if none ever did."""
    return max((each.ticked_at for each in readings.heartbeats), default=None)


def _silence(readings: Readings, rhythm: Rhythm) -> Cause | None:
    ticked_at = last_tick(readings)
    if ticked_at is None:
        return Cause(Code.no_tick)
    age = readings.now - ticked_at
    return Cause(Code.no_tick, seconds=_whole(age)) if age > rhythm.silent_after else None


def _deafness(readings: Readings) -> Cause | None:
    return Cause(Code.alert_unheard, count=readings.unheard) if readings.unheard else None


def _stuck(readings: Readings, rhythm: Rhythm) -> Cause | None:
    ages = [readings.now - each.ticked_at for each in _running(readings)]
    hanging = [age for age in ages if rhythm.silent_after < age <= TAKEN_FOR_GONE_AFTER + rhythm.silent_after]
    return Cause(Code.worker_stuck, seconds=_whole(max(hanging)), count=len(hanging)) if hanging else None


def _lateness(readings: Readings, rhythm: Rhythm) -> Cause | None:
    if readings.untouched_since is None:
        return None
    age = readings.now - readings.untouched_since
    return Cause(Code.delivery_overdue, seconds=_whole(age)) if age > rhythm.late_after else None


def _running(readings: Readings) -> Iterable[Heartbeat]:
    return (each for each in readings.heartbeats if each.stopped_at is None)


def _whole(age: timedelta) -> int:
    return int(age.total_seconds())
