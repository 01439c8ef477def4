"""Hands wake-ups over, in parcels: one request each, all of them at once, none past the end of its lease."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from models.private import SealError
from models.reminder import AttemptOutcome
from schedules.clock import Clock
from schedules.delivery.channels import Refusal, Result, Wake, WakeSender
from schedules.delivery.deadline import kernel_deadline
from schedules.delivery.deliver import Limits
from schedules.delivery.flow import NO_PACE, Breaker, Pace
from schedules.delivery.wakes import WakeClaim, WakeTerms
from schedules.plan.vocabulary import Provider

USEFUL_FOR = timedelta(days=1)  # a device that was off for longer is opened before it is woken
_NO_ADDRESS = Result(AttemptOutcome.refused, "bad_address", Refusal.message)
_MILLISECOND = timedelta(milliseconds=1)
_Parcel = Sequence[tuple[WakeClaim, Wake]]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WakeDesk:
    """What a process works with that wakes devices, `most` at a time. `chance` gives a number from 0 to 1."""

    make_session: sessionmaker[Session]
    clock: Clock
    read_now: Callable[[Session, Clock], datetime]
    senders: Mapping[Provider, WakeSender]
    terms: WakeTerms
    limits: Limits
    most: int
    chance: Callable[[], float]
    pace: Pace = NO_PACE
    breaker: Breaker = field(default_factory=Breaker)


@dataclass(frozen=True, slots=True)
class Woken:
    """A wake-up that was handed over, or not, and what became of it.

    Of those of one request with one result only the first `is_counted`: the request had that trouble once.
    """

    claim: WakeClaim
    result: Result
    is_counted: bool = True


def hand_over(desk: WakeDesk, claims: Sequence[WakeClaim], held_from_ms: int) -> list[Woken]:
    """Hand the wake-ups over that are in hand since `held_from_ms`, and return what became of each.

    None is begun once too little is left of the lease: then it is due again at the lease's end.
    """
    ready = [(claim, _wake(claim)) for claim in claims]
    woken = [Woken(claim, _NO_ADDRESS) for claim, wake in ready if wake is None]
    parcels = list(_parcels(desk, [(claim, wake) for claim, wake in ready if wake is not None]))
    left = _left(desk, held_from_ms)
    if not parcels or left <= timedelta(0):
        return woken
    # The timer is set before the clock is asked again: a freeze in between ends this process.
    with kernel_deadline(left), ThreadPoolExecutor(len(parcels), thread_name_prefix="wake") as threads:
        deadline = min(desk.limits.send, _left(desk, held_from_ms))
        if deadline > timedelta(0):
            for several in threads.map(lambda parcel: _send(desk, parcel, deadline), parcels):
                woken += several
    return woken


def _wake(claim: WakeClaim) -> Wake | None:
    """Return what is handed over; None for an address that cannot be opened: it takes no other with it."""
    try:
        address = claim.target.address
    except SealError:
        return None
    return None if address is None else Wake(address, claim.taken_at, claim.taken_at + USEFUL_FOR)


def _parcels(desk: WakeDesk, ready: Iterable[tuple[WakeClaim, Wake]]) -> Iterator[_Parcel]:
    by_provider: dict[Provider, list[tuple[WakeClaim, Wake]]] = {}
    for claim, wake in ready:
        by_provider.setdefault(claim.target.provider, []).append((claim, wake))
    for provider, several in by_provider.items():
        most = desk.senders[provider].most_wakes
        yield from (several[start : start + most] for start in range(0, len(several), most))


def _send(desk: WakeDesk, parcel: _Parcel, deadline: timedelta) -> list[Woken]:
    provider = parcel[0][0].target.provider
    try:
        results = desk.senders[provider].wake([wake for _, wake in parcel], deadline)
    except Exception as error:  # noqa: BLE001 - the sender's loop: one bad provider must not stop the rest
        logger.warning("wake-ups by %s raised %s", provider.value, type(error).__name__)
        results = [Result(AttemptOutcome.unknown, type(error).__name__[:64])] * len(parcel)
    numbered = enumerate(zip(parcel, results, strict=True))
    return [Woken(claim, each, is_counted=each not in results[:number]) for number, ((claim, _), each) in numbered]


def _left(desk: WakeDesk, held_from_ms: int) -> timedelta:
    held_for = (desk.clock.monotonic_ms() - held_from_ms) * _MILLISECOND
    return desk.terms.lease - desk.limits.margin - held_for
