"""Wakes apps in the background whose patient's data changed, by a silent push that carries nothing.

It runs in a process of its own beside the senders: providers may be slow to answer, and some count how often one signs
in anew. Killing it loses nothing.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from secrets import SystemRandom

from sqlalchemy import select

from config import Settings
from models.engine import begin_reads
from models.isolation import in_practice, reading_doors
from models.wake import DeviceWake
from schedules.children import FORK, Child
from schedules.clock import Clock
from schedules.delivery.crew import STOP_WITHIN
from schedules.delivery.deliver import Steps
from schedules.delivery.flow import write_pauses
from schedules.delivery.furnish import furnish_wakes
from schedules.delivery.wake_look import look_on, moved_practices
from schedules.delivery.wake_parcels import WakeDesk, Woken, hand_over
from schedules.delivery.wakes import claim_wakes, record_wakes
from schedules.jobs.practices import attempt_each, for_each

PRACTICES_AT_ONCE = 200
BATCHES_AT_ONCE = 50
_SHUFFLE = SystemRandom().shuffle
logger = logging.getLogger(__name__)


class Waker:
    """The process that wakes devices, started again whenever it is found dead."""

    def __init__(self, settings: Settings, clock: Clock, steps: Steps, before_fork: Callable[[], None]) -> None:
        # A lock that both sides share would be left locked by one that is killed; a pipe never is.
        self._teller, self._told = FORK.Pipe()
        self._clock = clock
        self._told_ms = clock.monotonic_ms()
        self._child = Child("wakes", _run, (settings, clock, steps, self._told), before_fork)

    def tend(self) -> None:
        """Start the process if it is not there."""
        self._child.start()

    def tell_to_end(self) -> None:
        """Have the process end once nothing of its is on the way."""
        self._teller.send(None)
        self._told_ms = self._clock.monotonic_ms()

    def stop(self) -> None:
        """Let the process end, as long as senders may take since it was told to; then end it."""
        since = timedelta(milliseconds=self._clock.monotonic_ms() - self._told_ms)
        self._child.finish(max(STOP_WITHIN - since, timedelta(0)))
        for end in (self._teller, self._told):
            end.close()


def _run(settings: Settings, clock: Clock, steps: Steps, told: Connection) -> None:
    engine, desk = furnish_wakes(settings, clock, steps)
    try:
        while not told.poll(settings.poll_seconds):
            try:
                wake_devices(desk, told.poll)
            except Exception as error:  # noqa: BLE001 - the process's loop: the next round tries again
                logger.error("wake-ups raised %s", type(error).__name__)
    finally:
        engine.dispose()


def wake_devices(desk: WakeDesk, is_stopping: Callable[[], bool]) -> None:
    """Find out whom changes since the last round concern, and wake whoever is due: both a bounded number at a turn.

    Raises the first error of the looking, once the others had their turn and the due were woken.
    """
    errors = _look(desk)
    for _ in range(BATCHES_AT_ONCE):
        if is_stopping() or not _wake_some(desk):
            break
    if errors:
        raise errors[0]


def _look(desk: WakeDesk) -> list[Exception]:
    with desk.make_session() as session:
        begin_reads(session)
        practice_ids = moved_practices(session)
    # None is always the first: where there are too many for one turn, each comes to its own.
    _SHUFFLE(practice_ids)

    def look(practice_id: str) -> None:
        with in_practice(desk.make_session, practice_id) as session:
            now = desk.read_now(session, desk.clock)
            look_on(session, practice_id, built=desk.terms.built, now=now)

    return attempt_each(practice_ids[:PRACTICES_AT_ONCE], look)


def _wake_some(desk: WakeDesk) -> bool:
    """Wake a batch of devices that are due. Return whether there may be more."""
    if not _is_any_due(desk):
        return False
    held_from_ms = desk.clock.monotonic_ms()
    with desk.make_session.begin() as session:
        now = desk.read_now(session, desk.clock)
        claims, is_more = claim_wakes(session, desk.terms, desk.pace, now=now, most=desk.most)
    _record(desk, hand_over(desk, claims, held_from_ms))
    return is_more


def _is_any_due(desk: WakeDesk) -> bool:
    """Look first without a lock: most of the time nobody is, and SQLite has one writer."""
    with reading_doors(desk.make_session) as session:
        now = desk.read_now(session, desk.clock)
        query = select(DeviceWake.device_id).where(DeviceWake.due_at <= now).limit(1)
        return session.scalars(query).one_or_none() is not None


def _record(desk: WakeDesk, woken: Sequence[Woken]) -> None:
    of_practices: dict[str, list[Woken]] = {}
    for each in woken:
        of_practices.setdefault(each.claim.practice_id, []).append(each)

    def record(practice_id: str) -> None:
        several = of_practices[practice_id]
        with in_practice(desk.make_session, practice_id) as session:
            now = desk.read_now(session, desk.clock)
            results = [(each.claim, each.result) for each in several]
            record_wakes(session, results, pause=desk.terms.pause, now=now, chance=desk.chance)
            counted = [each for each in several if each.is_counted]
            pauses = [desk.breaker.note(each.claim.target.provider, each.result, now) for each in counted]
            write_pauses(session, [each for each in pauses if each is not None], now)

    for_each(sorted(of_practices), record)
