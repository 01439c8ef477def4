"""The tests' own way to start a worker: the product's `main` with a clock of its own and a point where it dies.

Workers are forked from a server process that has everything imported, so that a test pays milliseconds for one. Each
worker leads its own process group: at a fail point the whole worker is killed, as a power cut would.

The nine points, in the order of a delivery's life: claim_uncommitted, claimed, gate_uncommitted, gated, before_send,
provider_accepted (there the mail server strikes, see `tests.worker.peers`), replied, result_uncommitted, recorded.
Besides them there is clock_read, which any job may come to.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Self

from apscheduler.schedulers import base
from sqlalchemy import event
from sqlalchemy.orm import Session

from config import Settings
from schedules import worker
from schedules.clock import Clock, SystemClock
from schedules.delivery.book import Claim
from schedules.delivery.channels import ChannelSender, ManySender, Message, Result, is_many
from schedules.delivery.claim import claim_due
from schedules.delivery.deliver import DEFAULT_STEPS, Steps, make_senders
from schedules.delivery.flow import Pace
from schedules.delivery.gate import Permit, pass_gate
from schedules.delivery.leases import Lease
from schedules.delivery.policy import Policy
from schedules.delivery.record import record_results
from schedules.plan.vocabulary import Provider
from schedules.worker import main
from tests.forks import forks_with

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_STEP = "step"
_FORKS = forks_with(__name__)


class StartedClock:
    """A clock that was set to `start` when it was made and runs on from there; its leases count the machine's own.

    Its wall clock runs `pace` times as fast as the machine's, so that a test need not wait for a repeat.
    """

    def __init__(self, start: datetime, *, pace: float = 1) -> None:
        self._machine = SystemClock()
        self._start = start.astimezone(UTC)
        self._started_ms = self._machine.monotonic_ms()
        self._pace = pace

    def now(self) -> datetime:
        """Return the instant at which the clock has arrived."""
        return self._start + self._pace * timedelta(milliseconds=self.monotonic_ms() - self._started_ms)

    def monotonic_ms(self) -> int:
        """Return the machine's monotonic milliseconds, alike in every process."""
        return self._machine.monotonic_ms()

    def boot_id(self) -> str:
        """Return the machine's boot."""
        return self._machine.boot_id()


@dataclass(frozen=True, slots=True)
class FailPoint:
    """Where a worker fails, once: whoever makes the `marker` file first does. `freeze` stops the one process only."""

    name: str
    marker: Path
    freeze: bool = False

    def reach(self, name: str) -> None:
        """Fail here if this is the point."""
        if name != self.name:
            return
        with suppress(FileExistsError):
            self.marker.touch(exist_ok=False)
            self.marker.write_text(str(os.getpid()), encoding="ascii")
            if self.freeze:
                os.kill(os.getpid(), signal.SIGSTOP)
            else:
                os.killpg(0, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class FailSteps:
    """The product's steps with a fail point around each, and due times judged by the test's clock."""

    fail: FailPoint
    clock: Clock | None

    def steps(self) -> Steps:
        """Return the steps to start a worker with."""
        event.listen(Session, "after_commit", self._committed)
        now = DEFAULT_STEPS.now if self.clock is None else self._now
        return Steps(now=now, claim=self._claim, gate=self._gate, senders=self._senders, record=self._record)

    def _now(self, _session: Session, clock: Clock) -> datetime:
        self.fail.reach("clock_read")
        return clock.now()

    def _claim(self, session: Session, lease: Lease, *, now: datetime, limit: int) -> list[Claim]:
        claims = claim_due(session, lease, now=now, limit=limit)
        self._about_to_commit(session, "claimed", "claim_uncommitted", bool(claims))
        return claims

    def _gate(
        self,
        session: Session,
        claims: Sequence[Claim],
        lease: Lease,
        *,
        built: Collection[Provider],
        pace: Pace,
        policy: Policy,
        now: datetime,
    ) -> list[Permit]:
        permits = pass_gate(session, claims, lease, built=built, pace=pace, policy=policy, now=now)
        self._about_to_commit(session, "gated", "gate_uncommitted", bool(permits))
        return permits

    def _record(
        self,
        session: Session,
        results: Sequence[tuple[Claim, Result]],
        *,
        built: Collection[Provider],
        now: datetime,
        chance: Callable[[], float],
        policy: Policy,
    ) -> list[Claim]:
        counted = record_results(session, results, built=built, now=now, chance=chance, policy=policy)
        self._about_to_commit(session, "recorded", "result_uncommitted", bool(counted))
        return counted

    def _senders(self, settings: Settings) -> Mapping[Provider, ChannelSender]:
        return {provider: _failing(sender, self.fail) for provider, sender in make_senders(settings).items()}

    def _about_to_commit(self, session: Session, after: str, before: str, did_something: bool) -> None:
        if did_something:
            session.flush()
            self.fail.reach(before)
            session.info[_STEP] = after

    def _committed(self, session: Session) -> None:
        self.fail.reach(session.info.pop(_STEP, ""))


def _failing(sender: ChannelSender, fail: FailPoint) -> ChannelSender:
    many = sender if is_many(sender) else None
    return _FailingSender(sender, fail) if many is None else _FailingManySender(sender, fail, many)


@dataclass(frozen=True)
class _FailingSender:
    """A channel with a fail point on either side of the provider, inside the kernel's deadline."""

    sender: ChannelSender
    fail: FailPoint

    def __getattr__(self, name: str) -> Any:
        """Return what no fail point stands around, such as wake-ups."""
        return getattr(self.sender, name)

    def send(self, message: Message, deadline: timedelta) -> Result:
        self.fail.reach("before_send")
        result = self.sender.send(message, deadline)
        self.fail.reach("replied")
        return result


@dataclass(frozen=True)
class _FailingManySender(_FailingSender):
    """The same for a provider that takes several messages in one request."""

    many: ManySender

    @property
    def most_at_once(self) -> int:
        return self.many.most_at_once

    def send_many(self, messages: Sequence[Message], deadline: timedelta) -> list[Result]:
        self.fail.reach("before_send")
        results = self.many.send_many(messages, deadline)
        self.fail.reach("replied")
        return results


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A running worker. Its senders are its children."""

    process: ForkServerProcess

    @property
    def pid(self) -> int:
        """Return the parent's process id, which is the group's too."""
        assert self.process.pid is not None
        return self.process.pid

    def terminate(self, within: float = 10.0) -> int | None:
        """Ask it to stop; return its exit code, or None if it is still there after `within` seconds."""
        self.process.terminate()
        self.process.join(within)
        return self.process.exitcode

    def wait_for_death(self, within: float = 20.0) -> None:
        """Wait until it died of its fail point."""
        self.process.join(within)
        assert self.process.exitcode == -signal.SIGKILL, f"it did not die: {self.process.exitcode}"


@contextmanager
def running_worker(
    settings: Settings,
    *,
    now: datetime | None = None,
    fail: FailPoint | None = None,
    pace: float = 1,
    schedules_by_it: bool = False,
) -> Iterator[WorkerProcess]:
    """Run a worker whose clock begins at `now` (default: the machine's), and leave nothing of it behind.

    With `schedules_by_it` its jobs come by that clock too, which is what brings the night.
    """
    clock = None if now is None else StartedClock(now, pace=pace)
    fail = fail or FailPoint("", Path(os.devnull))
    process = _FORKS.Process(target=_run, args=(settings, clock, fail, schedules_by_it))
    process.start()
    try:
        yield WorkerProcess(process)
    finally:
        if process.exitcode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid or 0, signal.SIGKILL)
            process.kill()
        process.join()
        process.close()


def _run(settings: Settings, clock: Clock | None, fail: FailPoint, schedules_by_it: bool) -> None:
    os.setpgid(0, 0)
    if schedules_by_it:
        _turn_apscheduler_to(clock or SystemClock())
    # However the tests end, no worker of theirs goes on: the server that forks them ends with them.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    raise SystemExit(main(settings, clock, FailSteps(fail, clock).steps()))


def _turn_apscheduler_to(clock: Clock) -> None:
    """Let the scheduler of this process take the time from `clock`: what runs when stays the product's word."""

    class ClockTime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(clock.now().timestamp(), tz)

    vars(base).update(datetime=ClockTime)
    vars(worker).update(SystemClock=lambda: clock)
