"""A worker's whole round in this process, for tests about what goes out and when, not about how."""

from sqlalchemy import Engine

from models.engine import make_session_factory
from schedules.delivery.book import by_practice
from schedules.delivery.deliver import Desk
from tests.clock import FixedClock
from tests.worker.desks import claim_all, deliver


def work_off(engine: Engine, clock: FixedClock, desk: Desk) -> int:
    """Claim and deliver what is due by the clock, until nothing more is. Return how many deliveries were claimed."""
    claimed = 0
    while True:
        with make_session_factory(engine)() as session:
            claims = claim_all(session, clock)
        if not claims:
            return claimed
        for of_practice in by_practice(claims).values():
            deliver(desk, *of_practice)
        claimed += len(claims)
