"""Workers whose wall clocks disagree share what is due all the same (T03, T04)."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from schedules.delivery.claim import claim_due
from tests import builders
from tests.clock import FixedClock
from tests.worker.desks import LEASE_LENGTH, claim_all, lapse, lease_of

DAY = timedelta(days=1)
SKEWS = [timedelta(seconds=5), timedelta(seconds=-5), 2 * LEASE_LENGTH, timedelta(hours=2), timedelta(hours=-2), DAY]


def of_the_same_machine(clock: FixedClock, skew: timedelta) -> FixedClock:
    """Return a clock that has counted as many milliseconds since the boot, and shows another time of day."""
    other = FixedClock(clock.now())
    other.set_wall_clock(clock.now() + skew)
    return other


@pytest.mark.parametrize("skew", SKEWS, ids=str)
def test_what_one_holds_a_worker_with_another_wall_clock_does_not_take(
    session: Session, clock: FixedClock, skew: timedelta
) -> None:
    builders.due_delivery(session, builders.practice(session))
    claim_all(session, clock)
    due_by = clock.now()

    taken = claim_due(session, lease_of(of_the_same_machine(clock, skew), "worker-2"), now=due_by, limit=10)

    assert taken == []


@pytest.mark.parametrize("skew", [-DAY, DAY], ids=str)
def test_what_nobody_holds_any_more_is_taken_whatever_the_wall_clock_says(
    session: Session, clock: FixedClock, skew: timedelta
) -> None:
    builders.due_delivery(session, builders.practice(session))
    claim_all(session, clock)
    lapse(session, clock)
    other = of_the_same_machine(clock, skew)
    other.advance(LEASE_LENGTH + timedelta(seconds=1))

    taken = claim_due(session, lease_of(other, "worker-2"), now=clock.now(), limit=10)

    assert [claim.fence for claim in taken] == [2]
