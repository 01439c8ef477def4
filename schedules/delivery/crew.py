"""The parent's side of the sender processes: starts them, hands them claims, replaces the dead, stops them cleanly.

Single-threaded, so that forking is safe. Each sender has one delivery in hand at most; one whose worker died is
therefore always retried alone.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess

from config import Settings
from schedules.delivery.book import Claim
from schedules.delivery.deadline import CUT_SIGNAL
from schedules.delivery.deliver import Steps
from schedules.delivery.leases import Lease
from schedules.delivery.sender import run_sender

FINISH_WITHIN = timedelta(seconds=6)
STOP_WITHIN = timedelta(seconds=8.5)
REST_AFTER_EARLY_DEATH = timedelta(seconds=1)
_GLANCE = timedelta(milliseconds=100)
_FORK = multiprocessing.get_context("fork")


@dataclass(slots=True)
class _Sender:
    process: ForkProcess
    pipe: Connection
    started_ms: int
    claim: Claim | None = None
    handed_ms: int = 0


class Crew:
    """The sender processes of one worker. `before_fork` must close what a child may not inherit open."""

    def __init__(self, settings: Settings, lease: Lease, steps: Steps, before_fork: Callable[[], None]) -> None:
        self._settings = settings
        self._lease = lease
        self._steps = steps
        self._before_fork = before_fork
        self._senders: list[_Sender] = []
        self._rest_until_ms = 0

    def tend(self) -> None:
        """Note who has finished, bury who has died or hangs, and start senders until the crew is whole."""
        for sender in list(self._senders):
            self._listen(sender)
            if sender.claim is not None and self._since(sender.handed_ms) > 2 * self._lease.length:
                sender.process.kill()
        while len(self._senders) < self._settings.sender_processes and self._now_ms() >= self._rest_until_ms:
            self._senders.append(self._start())

    def idle_count(self) -> int:
        """Return how many senders have nothing in hand."""
        return sum(sender.claim is None for sender in self._senders)

    def hand_out(self, claims: list[Claim]) -> list[Claim]:
        """Give each claim to an idle sender and return those that found none."""
        left = list(claims)
        for sender in self._senders:
            if left and sender.claim is None:
                with contextlib.suppress(BrokenPipeError):
                    sender.pipe.send(left[0])
                    sender.claim, sender.handed_ms = left.pop(0), self._now_ms()
        return left

    def wait(self, longest: timedelta) -> None:
        """Wait until a sender finishes or dies, at most `longest`."""
        wait([sender.pipe for sender in self._senders], longest.total_seconds())

    def stop(self) -> None:
        """Let the senders finish what they have in hand, cut short who takes too long, and end them all."""
        began_ms = self._now_ms()
        while self._senders and self._since(began_ms) < STOP_WITHIN:
            for sender in list(self._senders):
                self._ask_to_end(sender, hurry=self._since(began_ms) >= FINISH_WITHIN)
            self.wait(_GLANCE)
        for sender in self._senders:
            sender.process.kill()
            self._bury(sender)
        self._senders.clear()

    def _ask_to_end(self, sender: _Sender, *, hurry: bool) -> None:
        self._listen(sender)
        if sender not in self._senders:
            return
        if sender.claim is None:
            with contextlib.suppress(BrokenPipeError):
                sender.pipe.send(None)
            sender.process.join(_GLANCE.total_seconds())
        elif hurry and sender.process.pid is not None:
            os.kill(sender.process.pid, CUT_SIGNAL)

    def _listen(self, sender: _Sender) -> None:
        """Take a sender's answers. One whose end of the pipe is closed has died or ended."""
        try:
            while sender.pipe.poll():
                sender.pipe.recv()
                sender.claim = None
        except (EOFError, ConnectionResetError):
            sender.claim = None
            self._bury(sender)
            self._senders.remove(sender)
            if self._since(sender.started_ms) < REST_AFTER_EARLY_DEATH:
                self._rest_until_ms = self._now_ms() + REST_AFTER_EARLY_DEATH // timedelta(milliseconds=1)

    def _start(self) -> _Sender:
        self._before_fork()
        ours, theirs = _FORK.Pipe()
        arguments = ((theirs, ours), os.getpid(), self._settings, self._lease, self._steps)
        process = _FORK.Process(target=run_sender, args=arguments, name="sender", daemon=True)
        process.start()
        theirs.close()
        return _Sender(process, ours, self._now_ms())

    def _bury(self, sender: _Sender) -> None:
        sender.process.join()
        sender.process.close()
        sender.pipe.close()

    def _now_ms(self) -> int:
        return self._lease.clock.monotonic_ms()

    def _since(self, earlier_ms: int) -> timedelta:
        return timedelta(milliseconds=self._now_ms() - earlier_ms)
