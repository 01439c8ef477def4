"""How many messages a second one worker brings to `sent` when the provider takes 200 ms for each.

Run with `.venv/bin/python -m tests.bench.bench_sends`; prints a line a database. The work is the worker's own: claims,
gates, attempts, decisions, audit entries and results, by two sender processes with 16 messages on their way in each.
The bare work is the same with one message on its way in each, which the provider alone limits to ten a second.
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from config import Settings
from models import journal, private
from models.engine import begin_reads, make_session_factory
from models.reminder import AttemptOutcome, Delivery, DeliveryState
from schedules.clock import SystemClock
from schedules.delivery.channels import Message, Result
from schedules.delivery.crew import Crew
from schedules.delivery.deliver import Steps
from schedules.delivery.leases import Lease
from schedules.jobs.tick import Dispatch, tick
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import AUDIT_KEY, SEAL_KEY, Databases, engines_of, service_engine_of, settings_for

ANSWERS_AFTER = 0.2
ONE_BY_ONE, MANY = 40, 800
CLOCK = SystemClock()


class Waiting:
    """A provider in this process that takes its time and says yes."""

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Accept the message, slowly."""
        time.sleep(ANSWERS_AFTER)
        return Result(AttemptOutcome.accepted, "250")


def store_due(engine: Engine, count: int) -> None:
    """Store so many patients with a message that is due."""
    with make_session_factory(engine)() as session:
        clinic = builders.practice(session)
        for _ in range(count):
            builders.due_delivery(session, clinic)
        session.commit()


def sent_a_second(engine: Engine, settings: Settings, count: int) -> float:
    """Return the pace at which a worker sends what is due, senders already running."""
    lease = Lease("worker-1", timedelta(seconds=settings.lease_seconds), CLOCK)
    steps = Steps(now=lambda _session, _clock: MONDAY_AFTERNOON, senders=lambda _settings: {Provider.smtp: Waiting()})
    service = service_engine_of(engine)

    def let_go() -> None:
        engine.dispose()
        service.dispose()

    crew = Crew(settings, lease, steps, before_fork=let_go)
    crew.tend()
    dispatch = Dispatch(make_session_factory(service), lease, steps, crew, timedelta(seconds=5), lambda: False)
    time.sleep(1)
    start = time.monotonic()
    while sent_count(engine) < count:
        tick(dispatch)
        crew.wait(timedelta(milliseconds=20))
        crew.tend()
    seconds = time.monotonic() - start
    crew.stop()
    return count / seconds


def sent_count(engine: Engine) -> int:
    """Return how many deliveries are sent."""
    with Session(engine) as session:
        begin_reads(session)
        query = select(func.count()).select_from(Delivery).where(Delivery.state == DeliveryState.sent)
        return session.scalar(query) or 0


@contextlib.contextmanager
def filled(databases: Databases, kind: str, count: int) -> Iterator[tuple[str, Engine]]:
    """Yield a database of its own with so much that is due."""
    with databases.migrated(kind) as url, engines_of(databases, url) as engine:
        store_due(engine, count)
        yield url, engine


def compare(databases: Databases, kind: str) -> str:
    """Return the line about one database."""
    paces = []
    for count, in_flight in ((ONE_BY_ONE, 1), (MANY, 16)):
        with filled(databases, kind, count) as (url, engine):
            settings = settings_for(url, sender_processes=2, sends_in_flight=in_flight)
            paces.append(sent_a_second(engine, settings, count))
    bare, many = paces
    return f"sends_{kind}: ratio {many / bare:.1f} ({many:.0f} a second, one by one {bare:.1f}, two sender processes)"


def main() -> None:
    """Print a ratio for each database."""
    private.set_key(SEAL_KEY)
    journal.set_key(AUDIT_KEY)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        databases = Databases(Path(folder), stack)
        for kind in ("sqlite", "postgresql"):
            print(compare(databases, kind))


if __name__ == "__main__":
    main()
