"""Between two ticks the senders get more to do, so that other jobs, and long ones, do not leave them idle."""

import signal
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from models.engine import make_session_factory
from models.reminder import Delivery, DeliveryState
from schedules import jobs
from schedules.clock import Clock
from schedules.delivery.book import Claim
from schedules.delivery.deliver import Steps
from schedules.delivery.leases import Lease
from schedules.jobs.alerts import AlertRound, raise_by_time
from schedules.jobs.publish import PUBLISHED_AT_ONCE
from schedules.worker import main
from tests import builders
from tests.alerts import alerts_of
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of, settings_for

LEASE = Lease("worker-1", timedelta(seconds=30), FixedClock())


@dataclass
class Room:
    """Senders that take so many in hand, and finish none."""

    places: int
    taken: list[Claim] = field(default_factory=list)
    waits: int = 0

    def tend(self) -> None:
        """There is nothing to look after."""

    def free_count(self) -> int:
        """Return how many places are free."""
        return self.places - len(self.taken)

    def hand_out(self, claims: Collection[Claim]) -> list[Claim]:
        """Take what finds a place."""
        free = self.free_count()
        self.taken += list(claims)[:free]
        return list(claims)[free:]

    def wait(self, longest: timedelta) -> None:
        """Nobody gets on, but the time passes."""
        self.waits += 1

    def stop(self) -> None:
        """There is nothing to stop."""


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def dispatch_to(room: Room, make_session: sessionmaker[Session], *, stops: Callable[[], bool]) -> jobs.Dispatch:
    steps = Steps(now=lambda _session, _clock: MONDAY_AFTERNOON)
    return jobs.Dispatch(make_session, LEASE, steps, room, longest=timedelta(seconds=30), is_stopping=stops)


def never() -> bool:
    return False


def store_due(session: Session, many: int) -> list[Delivery]:
    clinic = builders.practice(session)
    rows = [builders.due_delivery(session, clinic) for _ in range(many)]
    session.commit()
    return rows


def test_a_top_up_hands_out_what_the_senders_have_room_for_and_waits_for_nothing(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    store_due(session, 3)
    room = Room(places=2)
    dispatch = dispatch_to(room, make_session, stops=never)

    is_more_due = [jobs.top_up(dispatch), jobs.top_up(dispatch)]

    assert is_more_due == [True, True]
    assert (len(room.taken), room.waits) == (2, 0)


def test_a_top_up_that_finds_nothing_says_so(make_session: sessionmaker[Session]) -> None:
    room = Room(places=2)

    is_more_due = jobs.top_up(dispatch_to(room, make_session, stops=never))

    assert not is_more_due


def test_a_tick_says_whether_more_may_be_due(session: Session, make_session: sessionmaker[Session]) -> None:
    store_due(session, 2)
    roomy, full = Room(places=9), Room(places=0)

    went_on = jobs.tick(dispatch_to(roomy, make_session, stops=never))
    was_cut_short = jobs.tick(dispatch_to(full, make_session, stops=lambda: full.waits > 0))

    assert (went_on, was_cut_short) == (False, True)
    assert len(roomy.taken) == 2


def test_between_two_batches_of_results_that_are_shown_the_senders_get_their_turn(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    turns: list[int] = []
    for row in store_due(session, PUBLISHED_AT_ONCE + 1):
        row.state, row.finished_at = DeliveryState.sent, MONDAY_AFTERNOON
    session.commit()

    jobs.publish(make_session, lambda: turns.append(1))

    assert len(turns) == 2


def test_between_two_alerts_that_time_raises_the_senders_get_their_turn(
    session: Session, engine: Engine, make_session: sessionmaker[Session]
) -> None:
    clinic = builders.practice(session)
    for _ in range(3):
        person = builders.patient(session, clinic)
        builders.surgery(session, builders.episode(session, person))
        builders.device(session, person)
    session.commit()
    raised: list[int] = []

    raise_by_time(make_session, MONDAY_AFTERNOON, AlertRound(), lambda: raised.append(len(alerts_of(engine))))

    assert raised == [1, 2, 3]


LISTENED_FOR = 20  # readings of the clock in all
POLL = timedelta(hours=1)  # by the machine's clock too: no second tick comes


class Ear:
    """Hears in a worker's parent who asks the time, and tells it to stop once it has heard enough.

    A job that looks at the time asks once. So does each claim, of which every one finds something; the first takes so
    long that the time of its tick is over.
    """

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.heard: list[str] = []

    def steps(self) -> Steps:
        """Return the steps to listen at. Whatever comes to the gate stays there."""
        return Steps(now=self._now, claim=self._claim, gate=lambda *_, **__: [], senders=lambda _settings: {})

    def _now(self, _session: Session, clock: Clock) -> datetime:
        self.heard.append("time")
        if len(self.heard) == LISTENED_FOR:
            signal.raise_signal(signal.SIGTERM)
        return clock.now()

    def _claim(self, session: Session, lease: Lease, *, now: datetime, limit: int) -> list[Claim]:
        if "claim" not in self.heard:
            self.clock.advance(POLL)
        self.heard[-1] = "claim"
        return [Claim("practice-1", "patient-1", f"delivery-{len(self.heard)}", 1)]


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Put back how this process takes the signals that a worker in it listens for."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.slow
@pytest.mark.sqlite_only
@pytest.mark.usefixtures("own_signals")
def test_after_each_job_of_a_worker_the_senders_get_more_while_more_is_due(database_url: str) -> None:
    ear = Ear()
    settings = settings_for(database_url, poll_seconds=POLL.total_seconds(), sender_processes=1)

    exit_code = main(settings, ear.clock, ear.steps())

    since_the_tick = ear.heard[ear.heard.index("claim") : LISTENED_FOR]
    without_more_between = [pair for pair in pairwise(since_the_tick) if pair == ("time", "time")]
    assert exit_code == 0
    assert since_the_tick.count("claim") > 1
    assert without_more_between == []
