"""A sender process: takes claims from its parent and delivers many at a time. Crash-only: killing it loses nothing.

Each send waits in a thread of its own, so that a slow provider does not hold up the others; transactions take turns. It
never outlives its parent, and leaves the parent to decide when it stops: signals meant for the whole group do not
end it in the middle of a send.
"""

import ctypes
import logging
import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from multiprocessing.connection import Connection
from threading import BoundedSemaphore, Lock

from config import Settings
from models.engine import make_engine, make_session_factory
from schedules.delivery.book import Claim
from schedules.delivery.deadline import CUT_SIGNAL, cut_all
from schedules.delivery.deliver import Desk, Limits, Steps, deliver, give_up
from schedules.delivery.leases import Lease
from schedules.delivery.policy import policy_of

POSTGRESQL_TURNS = 4
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
logger = logging.getLogger(__name__)


def run_sender(
    pipes: tuple[Connection, Connection], parent_id: int, settings: Settings, lease: Lease, steps: Steps
) -> None:
    """Deliver the claims that come through the first of the `pipes`, answering each, until None comes.

    The second is the parent's end, which the fork has copied.
    """
    _die_with_parent(parent_id)
    pipe, parents_end = pipes
    parents_end.close()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(CUT_SIGNAL, lambda _number, _frame: cut_all())
    # SQLite has one writer at a time: more than one transaction would only wait for each other, and unfairly.
    turns = 1 if settings.database_url.startswith("sqlite") else POSTGRESQL_TURNS
    engine = make_engine(settings.database_url, pool_size=turns, max_overflow=0)
    desk = Desk(
        make_session=make_session_factory(engine),
        lease=lease,
        limits=limits_of(settings),
        steps=steps,
        senders=steps.senders(settings),
        chance=random.random,
        policy=policy_of(settings),
        turns=BoundedSemaphore(turns),
    )
    try:
        _deliver_all(desk, pipe, settings.sends_in_flight)
    finally:
        engine.dispose()


def _deliver_all(desk: Desk, pipe: Connection, in_flight: int) -> None:
    answering = Lock()

    def work(claim: Claim) -> None:
        _deliver_or_give_up(desk, claim)
        with answering, suppress(BrokenPipeError):  # without its parent this process is about to end
            pipe.send(claim)

    with ThreadPoolExecutor(in_flight, thread_name_prefix="send") as threads:
        while (claim := _next_claim(pipe)) is not None:
            threads.submit(work, claim)


def limits_of(settings: Settings) -> Limits:
    """Return how long the parts of a send may take."""
    return Limits(
        gate_to_send=timedelta(seconds=settings.gate_to_send_seconds),
        send=timedelta(seconds=settings.send_deadline_seconds),
        margin=timedelta(seconds=settings.lease_margin_seconds),
    )


def _die_with_parent(parent_id: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the kernel was told.
    if os.getppid() != parent_id:
        os._exit(1)


def _next_claim(pipe: Connection) -> Claim | None:
    try:
        claim: Claim | None = pipe.recv()
    except EOFError:
        return None
    return claim


def _deliver_or_give_up(desk: Desk, claim: Claim) -> None:
    try:
        deliver(desk, claim)
    except Exception as error:  # noqa: BLE001 - the sender's loop: one bad delivery must not stop the rest
        logger.warning("delivery raised %s: %s", type(error).__name__, claim.delivery_id)
        try:
            give_up(desk, claim)
        except Exception as second:  # noqa: BLE001 - its lease runs out, and it is claimed again
            logger.warning("delivery could not be put back, %s: %s", type(second).__name__, claim.delivery_id)
