"""A delivery is locked before its attempts, so that a late worker and its rival never wait in a ring."""

import threading

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.engine import make_session_factory
from models.reminder import AttemptOutcome, Delivery
from schedules.delivery.book import Claim
from schedules.delivery.channels import Result
from schedules.delivery.claim import claim_due
from schedules.delivery.record import record_results, record_trouble
from tests import builders
from tests.clock import FixedClock
from tests.worker.desks import SMTP_ONLY, claim_all, lapse, lease_of, pass_now
from tests.worker.rows import is_somebody_waiting, outcomes, wait_until


@pytest.fixture
def stalled(session: Session, clock: FixedClock) -> Claim:
    """Return a claim whose message was handed over, but whose lease ran out before its result was written."""
    builders.due_delivery(session, builders.practice(session))
    session.commit()
    claim = claim_all(session, clock)[0]
    assert pass_now(session, claim) is not None
    lapse(session, clock)
    return claim


@pytest.mark.postgresql_only
@pytest.mark.parametrize("late_word", ["result", "trouble"])
def test_a_late_result_waits_for_the_claim_that_takes_its_delivery_over(
    session: Session, engine: Engine, clock: FixedClock, stalled: Claim, late_word: str
) -> None:
    counted: list[list[Claim]] = []

    def write_late() -> None:
        with make_session_factory(engine).begin() as late:
            if late_word == "result":
                result = Result(AttemptOutcome.accepted, "250")
                counted.append(
                    record_results(late, [(stalled, result)], built=SMTP_ONLY, now=clock.now(), chance=lambda: 1.0)
                )
            else:
                counted.append(record_trouble(late, [stalled], now=clock.now(), chance=lambda: 1.0))

    delivery = session.scalars(select(Delivery).with_for_update()).one()
    writer = threading.Thread(target=write_late)
    writer.start()
    wait_until(lambda: is_somebody_waiting(engine))
    claims = claim_due(session, lease_of(clock, "worker-2"), now=clock.now(), limit=1)
    session.commit()
    writer.join()

    assert [claim.fence for claim in claims] == [stalled.fence + 1]
    assert counted == [[]]
    assert outcomes(session, delivery) == [AttemptOutcome.abandoned]
