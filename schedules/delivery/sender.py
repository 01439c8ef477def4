"""A sender process: takes claims from its parent and delivers many at a time. Crash-only: killing it loses nothing.

Claims pass the gate in batches, messages leave in parcels, and results are recorded in batches. It never outlives
its parent, and leaves the parent to decide when it stops: signals meant for the whole group do not end it in the middle
of a send.
"""

import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock, Thread

from config import Settings
from schedules.children import die_with_parent, leave_stopping_to_parent
from schedules.delivery.book import Claim, by_practice
from schedules.delivery.deadline import CUT_SIGNAL, cut_all
from schedules.delivery.deliver import Desk, Sent, Steps, pass_all, record_all
from schedules.delivery.furnish import furnish
from schedules.delivery.gate import Permit
from schedules.delivery.leases import Lease
from schedules.delivery.parcels import parcels, send_parcel

RECORDED_AT_ONCE = 500


def run_sender(
    pipes: tuple[Connection, Connection], parent_id: int, settings: Settings, lease: Lease, steps: Steps
) -> None:
    """Deliver the claims that come in lists through the first of the `pipes`, answering each, until None comes.

    The second is the parent's end, which the fork has copied.
    """
    die_with_parent(parent_id)
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

    Parcels wait in threads, one each, so that a slow provider does not hold up the others. Results that come while
    others are being recorded are recorded together next.
    """

    def __init__(self, desk: Desk, pipe: Connection, in_flight: int) -> None:
        self._desk = desk
        self._pipe = pipe
        self._answering = Lock()
        self._results: SimpleQueue[Sent | None] = SimpleQueue()
        self._threads = ThreadPoolExecutor(in_flight, thread_name_prefix="send")
        self._recorder = Thread(target=self._record, name="record")

    def run(self) -> None:
        """Deliver what comes through the pipe until its end, then let what is on its way finish."""
        self._recorder.start()
        while (claims := _next_claims(self._pipe)) is not None:
            for of_practice in by_practice(claims).values():
                permits = pass_all(self._desk, of_practice)
                for parcel in parcels(self._desk, permits):
                    self._threads.submit(self._send, parcel)
                on_their_way = {claim for permit in permits for claim in permit.claims}
                self._answer([claim for claim in of_practice if claim not in on_their_way])
        self._threads.shutdown()
        self._results.put(None)
        self._recorder.join()

    def _send(self, parcel: Sequence[Permit]) -> None:
        all_sent = send_parcel(self._desk, parcel)
        for sent in all_sent:
            self._results.put(sent)
        handed_over = {claim for sent in all_sent for claim in sent.permit.claims}
        self._answer([claim for permit in parcel for claim in permit.claims if claim not in handed_over])

    def _record(self) -> None:
        is_open = True
        while is_open:
            batch = [self._results.get()]
            while len(batch) < RECORDED_AT_ONCE and not self._results.empty():
                batch.append(self._results.get())
            is_open = None not in batch
            of_practices: dict[str, list[Sent]] = {}
            for sent in batch:
                if sent is not None:
                    of_practices.setdefault(sent.permit.draft.practice_id, []).append(sent)
            for of_practice in of_practices.values():
                record_all(self._desk, of_practice)
                self._answer([claim for sent in of_practice for claim in sent.permit.claims])

    def _answer(self, claims: Sequence[Claim]) -> None:
        """Tell the parent that these are out of hand."""
        if claims:
            with self._answering, suppress(BrokenPipeError):  # without its parent this process is about to end
                self._pipe.send(claims)


def _next_claims(pipe: Connection) -> list[Claim] | None:
    try:
        claims: list[Claim] | None = pipe.recv()
    except EOFError:
        return None
    return claims
