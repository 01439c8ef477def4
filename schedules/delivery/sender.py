"""A sender process: takes claims from its parent and delivers many at a time. Crash-only: killing it loses nothing.

Claims pass the gate in batches, messages leave in parcels, and results are recorded in batches. It never outlives
its parent, and leaves the parent to decide when it stops: signals meant for the whole group do not end it in the middle
of a send.
"""

import gc
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from config import Settings
from schedules.children import die_with_parent, leave_stopping_to_parent
from schedules.delivery.book import Claim, by_patient
from schedules.delivery.deadline import CUT_SIGNAL, cut_all
from schedules.delivery.deliver import Desk, Sent, Steps, give_back, pass_all, record_all
from schedules.delivery.furnish import furnish
from schedules.delivery.gate import Permit
from schedules.delivery.leases import Lease
from schedules.delivery.parcels import parcels, send_parcel

RECORDED_AT_ONCE = 500
GATHERED_FOR_MS = 20  # what a result waits at most for others, so that they cost one transaction


def run_sender(
    pipes: tuple[Connection, Connection], parent_id: int, settings: Settings, lease: Lease, steps: Steps
) -> None:
    """Deliver the claims that come in lists through the first of the `pipes`, answering each, until None comes.

    The second is the parent's end, which the fork has copied.
    """
    die_with_parent(parent_id)
    # What the parent had is never garbage: looking through it again and again would only copy its pages.
    gc.freeze()
    pipe, parents_end = pipes
    parents_end.close()
    leave_stopping_to_parent()
    signal.signal(CUT_SIGNAL, lambda _number, _frame: cut_all())
    engine, desk = furnish(settings, lease, steps)
    try:
        _Line(desk, pipe, settings.sends_in_flight).run()
    finally:
        engine.dispose()


class _Line:
    """What one sender has in hand: claims at the gate, messages on their way, results to be recorded.

    Parcels wait in threads, one each, so that a slow provider does not hold up the others. Claims pass the gate once
    there are threads for them, as many together as half of the threads: while some pass, others are on their way. What
    is more urgent passes before what waits. Results that come while others are being recorded, or shortly after one
    another, are recorded together.
    """

    def __init__(self, desk: Desk, pipe: Connection, in_flight: int) -> None:
        self._desk = desk
        self._pipe = pipe
        self._answering = Lock()
        self._results: SimpleQueue[Sent | None] = SimpleQueue()
        self._places = _Places(in_flight)
        self._waiting: dict[int, dict[str, list[Claim]]] = {}  # for the gate, by urgency and practice
        self._threads = ThreadPoolExecutor(in_flight, thread_name_prefix="send")
        self._recorder = Thread(target=self._record, name="record")

    def run(self) -> None:
        """Deliver what comes through the pipe until its end, then let what is on its way finish.

        What has not begun by then is given back.
        """
        self._recorder.start()
        while (claims := self._next_claims()) is not None:
            self._queue(claims)
            self._begin_what_fits()
        left = [claim for waiting in self._waiting.values() for some in waiting.values() for claim in some]
        give_back(self._desk, left)
        self._answer(left)
        self._threads.shutdown()
        self._results.put(None)
        self._recorder.join()

    def _next_claims(self) -> list[Claim] | None:
        """Return the next that come, none once there are places for those that wait, None at the end of the pipe."""
        if self._waiting and self._pipe not in wait([self._pipe, self._places.bell]):
            return []
        return _next_claims(self._pipe)

    def _queue(self, claims: Sequence[Claim]) -> None:
        """Have claims wait for their turn, a patient's together by the most urgent of them."""
        for together in by_patient(claims):
            waiting = self._waiting.setdefault(min(claim.urgency for claim in together), {})
            waiting.setdefault(together[0].practice_id, []).extend(together)

    def _begin_what_fits(self) -> None:
        """Take what waits through the gate, as long as there are places and nothing new has come.

        What is more urgent passes first; among what is equally urgent the practices take turns.
        """
        self._places.hush()
        while self._waiting:
            urgency = min(self._waiting)
            waiting = self._waiting[urgency]
            practice_id, claims = next(iter(waiting.items()))
            taken = self._places.take(len(claims))
            if not taken:
                return
            del waiting[practice_id]
            # A patient's claims pass together: they may be one message.
            end = next((end for end in range(taken, len(claims)) if _parts_patients(claims, end)), len(claims))
            if claims[end:]:
                waiting[practice_id] = claims[end:]
            if not waiting:
                del self._waiting[urgency]
            self._begin(claims[:end], taken)
            if self._pipe.poll():  # it may be urgent
                return

    def _begin(self, claims: Sequence[Claim], places: int) -> None:
        permits = pass_all(self._desk, claims)
        several = parcels(self._desk, permits)
        self._places.give_back(places - len(several))
        for parcel in several:
            self._threads.submit(self._send, parcel)
        on_their_way = {claim for permit in permits for claim in permit.claims}
        self._answer([claim for claim in claims if claim not in on_their_way])

    def _send(self, parcel: Sequence[Permit]) -> None:
        all_sent = send_parcel(self._desk, parcel)
        for sent in all_sent:
            self._results.put(sent)
        self._places.give_back(1)
        handed_over = {claim for sent in all_sent for claim in sent.permit.claims}
        self._answer([claim for permit in parcel for claim in permit.claims if claim not in handed_over])

    def _record(self) -> None:
        is_open = True
        while is_open:
            batch = self._gathered()
            is_open = None not in batch
            of_practices: dict[str, list[Sent]] = {}
            for sent in batch:
                if sent is not None:
                    of_practices.setdefault(sent.permit.draft.practice_id, []).append(sent)
            for of_practice in of_practices.values():
                record_all(self._desk, of_practice)
                self._answer([claim for sent in of_practice for claim in sent.permit.claims])

    def _gathered(self) -> list[Sent | None]:
        """Return the next results, the last of all with the None that ends them."""
        batch = [self._results.get()]
        clock = self._desk.lease.clock
        until_ms = clock.monotonic_ms() + GATHERED_FOR_MS
        with suppress(Empty):
            while batch[-1] is not None and len(batch) < RECORDED_AT_ONCE:
                batch.append(self._results.get(timeout=max(0, until_ms - clock.monotonic_ms()) / 1000))
        return batch

    def _answer(self, claims: Sequence[Claim]) -> None:
        """Tell the parent that these are out of hand."""
        if claims:
            with self._answering, suppress(BrokenPipeError):  # without its parent this process is about to end
                self._pipe.send(claims)


class _Places:
    """The threads that are free. A gate is a transaction: it waits for half of them, or for as many as are wanted.

    It takes no more than half, so that the other half is on its way while it is at work.
    """

    def __init__(self, count: int) -> None:
        self.bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)  # rings once there are as many as were wanted
        self._free, self._half = count, max(1, count // 2)
        self._awaited: int | None = None
        self._changing = Lock()

    def take(self, wanted: int) -> int:
        """Take up to so many places and return how many; 0 while there are too few, until the bell rings."""
        with self._changing:
            fewest = min(wanted, self._half)
            if self._free < fewest:
                self._awaited = fewest
                return 0
            taken = min(self._free, wanted, self._half)
            self._free -= taken
            return taken

    def give_back(self, count: int) -> None:
        """Let so many places be free again."""
        with self._changing:
            self._free += count
            if self._awaited is not None and self._free >= self._awaited:
                self._awaited = None
                os.eventfd_write(self.bell, 1)

    def hush(self) -> None:
        """Have the bell be still until it rings again."""
        with suppress(BlockingIOError):
            os.eventfd_read(self.bell)


def _parts_patients(claims: Sequence[Claim], end: int) -> bool:
    return claims[end - 1].patient_id != claims[end].patient_id


def _next_claims(pipe: Connection) -> list[Claim] | None:
    try:
        claims: list[Claim] | None = pipe.recv()
    except EOFError:
        return None
    return claims
