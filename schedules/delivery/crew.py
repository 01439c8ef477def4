"""The parent's side of the sender processes: starts them, hands them claims, replaces the dead, stops them cleanly.

Single-threaded, so that forking is safe. A sender has many deliveries in hand. One whose worker died may be what killed
it, so it is retried in a process of its own, which is started when it is first needed and has one in hand at most.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Protocol

from config import Settings
from schedules.delivery.book import Claim, by_patient
from schedules.delivery.deadline import CUT_SIGNAL
from schedules.delivery.deliver import Steps
from schedules.delivery.leases import Lease
from schedules.delivery.sender import run_sender

FINISH_WITHIN = timedelta(seconds=6)
STOP_WITHIN = timedelta(seconds=8.5)
# One on its way, one to take its place before the parent has heard that it is gone, one for the parent's next claim.
IN_HAND_FOR_EACH_PLACE = 3
REST_AFTER_EARLY_DEATH = timedelta(seconds=1)
_GLANCE = timedelta(milliseconds=100)
_FORK = multiprocessing.get_context("fork")


class Hands(Protocol):
    """Whoever delivers what a worker claims: its own senders, or those of other machines."""

    def tend(self) -> None:
        """Look after the senders."""
        ...

    def free_count(self) -> int:
        """Return how many more deliveries may be handed out."""
        ...

    def hand_out(self, claims: Collection[Claim]) -> list[Claim]:
        """Hand the claims out and return those that found no place."""
        ...

    def wait(self, longest: timedelta) -> None:
        """Wait until somebody gets on, at most `longest`."""
        ...

    def stop(self) -> None:
        """Let the senders finish, and let go of them."""
        ...


@dataclass(slots=True)
class _Sender:
    process: ForkProcess
    pipe: Connection
    started_ms: int
    slots: int
    is_solo: bool
    is_told: bool = False  # to begin nothing more, and to end
    in_hand: dict[Claim, int] = field(default_factory=dict)  # when each was handed over, in ms

    @property
    def free(self) -> int:
        return self.slots - len(self.in_hand)


@dataclass(slots=True)
class _Share:
    """What one sender is to get of some claims. `run`: how many the latest of them are that are of one practice."""

    sender: _Sender
    claims: list[Claim] = field(default_factory=list)
    run: int = 0

    @property
    def free(self) -> int:
        return self.sender.free - len(self.claims)

    def goes_on_with(self, claim: Claim, most: int) -> bool:
        """Return whether the claim is of the practice of its latest run, which has fewer than `most` yet."""
        return self.free > 0 and self.run < most and self.claims[-1].practice_id == claim.practice_id

    def add(self, together: Sequence[Claim]) -> None:
        """Add a patient's claims."""
        is_same = bool(self.claims) and self.claims[-1].practice_id == together[0].practice_id
        self.run = len(together) + (self.run if is_same else 0)
        self.claims += together


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
            hangs = any(self._since(handed_ms) > 2 * self._lease.length for handed_ms in sender.in_hand.values())
            if hangs and sender in self._senders:  # one that was just buried hangs no more
                sender.process.kill()
        while len(self._usual()) < self._settings.sender_processes and self._may_start():
            self._start(IN_HAND_FOR_EACH_PLACE * self._settings.sends_in_flight, is_solo=False)

    def free_count(self) -> int:
        """Return how many more deliveries the senders can take in hand; 0 until a third of their places are free.

        A claim is a transaction: it pays for many deliveries at a time, not for each place as it becomes free.
        """
        free = sum(sender.free for sender in self._usual())
        return free if IN_HAND_FOR_EACH_PLACE * free >= sum(sender.slots for sender in self._usual()) else 0

    def hand_out(self, claims: Collection[Claim]) -> list[Claim]:
        """Give the claims to the senders with the fewest in hand, and return those that found no place.

        A patient's go to one sender together: what is due at one time can then be said in one message. So do as many of
        a practice's as a sender has on their way at a time: they pass one gate, which costs much the same for all.
        """
        left: list[Claim] = []
        shares = [_Share(sender) for sender in self._usual()]
        share: _Share | None = None
        for together in by_patient(claim for claim in claims if not claim.solo):
            if share is None or not share.goes_on_with(together[0], self._settings.sends_in_flight):
                share = max(shares, key=lambda each: each.free, default=None)
            if share is None or share.free <= 0:
                left += together
            else:
                share.add(together)
        for each in shares:
            if each.claims and not self._hand(each.sender, each.claims):
                left += each.claims
        return left + [claim for claim in claims if claim.solo and not self._hand_solo(claim)]

    def wait(self, longest: timedelta) -> None:
        """Wait until a sender finishes or dies, at most `longest`."""
        wait([sender.pipe for sender in self._senders], longest.total_seconds())

    def stop(self) -> None:
        """Let the senders finish what they have in hand, cut short what takes too long, and end them all."""
        began_ms = self._now_ms()
        while self._senders and self._since(began_ms) < STOP_WITHIN:
            for sender in list(self._senders):
                self._ask_to_end(sender, hurry=self._since(began_ms) >= FINISH_WITHIN)
            self.wait(_GLANCE)
        for sender in self._senders:
            sender.process.kill()
            self._bury(sender)
        self._senders.clear()

    def _usual(self) -> list[_Sender]:
        return [sender for sender in self._senders if not sender.is_solo]

    def _solo(self) -> _Sender | None:
        """Return the sender that has one delivery in hand at most, started now if it is not there."""
        for sender in self._senders:
            if sender.is_solo:
                return sender
        return self._start(1, is_solo=True) if self._may_start() else None

    def _hand_solo(self, claim: Claim) -> bool:
        sender = self._solo()
        return sender is not None and sender.free > 0 and self._hand(sender, [claim])

    def _hand(self, sender: _Sender, claims: list[Claim]) -> bool:
        """Give the sender the claims and return whether it is there to take them."""
        try:
            sender.pipe.send(claims)
        except BrokenPipeError:
            return False
        sender.in_hand |= dict.fromkeys(claims, self._now_ms())
        return True

    def _ask_to_end(self, sender: _Sender, *, hurry: bool) -> None:
        self._listen(sender)
        if sender not in self._senders:
            return
        if not sender.is_told:
            sender.is_told = True
            with contextlib.suppress(BrokenPipeError):
                sender.pipe.send(None)
        if not sender.in_hand:
            sender.process.join(_GLANCE.total_seconds())
        elif hurry and sender.process.pid is not None:
            os.kill(sender.process.pid, CUT_SIGNAL)

    def _listen(self, sender: _Sender) -> None:
        """Take a sender's answers. One whose end of the pipe is closed has died or ended."""
        try:
            while sender.pipe.poll():
                for claim in sender.pipe.recv():
                    sender.in_hand.pop(claim, None)
        except (EOFError, ConnectionResetError):
            self._bury(sender)
            self._senders.remove(sender)
            if self._since(sender.started_ms) < REST_AFTER_EARLY_DEATH:
                self._rest_until_ms = self._now_ms() + REST_AFTER_EARLY_DEATH // timedelta(milliseconds=1)

    def _may_start(self) -> bool:
        return self._now_ms() >= self._rest_until_ms

    def _start(self, slots: int, *, is_solo: bool) -> _Sender:
        self._before_fork()
        ours, theirs = _FORK.Pipe()
        arguments = ((theirs, ours), os.getpid(), self._settings, self._lease, self._steps)
        process = _FORK.Process(target=run_sender, args=arguments, name="sender", daemon=True)
        process.start()
        theirs.close()
        sender = _Sender(process, ours, self._now_ms(), slots, is_solo)
        self._senders.append(sender)
        return sender

    def _bury(self, sender: _Sender) -> None:
        sender.process.join()
        sender.process.close()
        sender.pipe.close()

    def _now_ms(self) -> int:
        return self._lease.clock.monotonic_ms()

    def _since(self, earlier_ms: int) -> timedelta:
        return timedelta(milliseconds=self._now_ms() - earlier_ms)
