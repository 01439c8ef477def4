"""The delivery tick: claims what is due and hands it to the senders."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session, sessionmaker

from schedules.delivery.book import Claim
from schedules.delivery.claim import release
from schedules.delivery.crew import Hands
from schedules.delivery.deliver import Steps
from schedules.delivery.leases import Lease

_GLANCE = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What a tick works with. `longest` is how long one tick may go on while more is due."""

    make_session: sessionmaker[Session]
    lease: Lease
    steps: Steps
    crew: Hands
    longest: timedelta
    is_stopping: Callable[[], bool]


def tick(dispatch: Dispatch) -> bool:
    """Claim what is due and hand it to the senders, as many as they can take in hand, until nothing more is due.

    Return whether more may be due: the time of the tick was over first.
    """
    clock, crew = dispatch.lease.clock, dispatch.crew
    ends_ms = clock.monotonic_ms() + dispatch.longest // timedelta(milliseconds=1)
    while not dispatch.is_stopping() and clock.monotonic_ms() < ends_ms:
        crew.tend()
        free = crew.free_count()
        if free == 0:
            crew.wait(_GLANCE)
        elif not _hand_out(dispatch, free):
            return False
    return True


def top_up(dispatch: Dispatch) -> bool:
    """Hand the senders what is due if they have room for it now, and wait for nothing. Return whether more may be due.

    For the time between two ticks, in which other jobs would leave the senders with nothing in hand.
    """
    dispatch.crew.tend()
    free = dispatch.crew.free_count()
    return free == 0 or dispatch.is_stopping() or _hand_out(dispatch, free)


def _hand_out(dispatch: Dispatch, free: int) -> bool:
    """Claim about so many deliveries and hand them out. Return whether there were any."""
    claims = _claim(dispatch, free)
    left = claims if dispatch.is_stopping() else dispatch.crew.hand_out(claims)
    if left:
        with dispatch.make_session.begin() as session:
            release(session, left)
    return bool(claims)


def _claim(dispatch: Dispatch, limit: int) -> list[Claim]:
    with dispatch.make_session.begin() as session:
        now = dispatch.steps.now(session, dispatch.lease.clock)
        return dispatch.steps.claim(session, dispatch.lease, now=now, limit=limit)
