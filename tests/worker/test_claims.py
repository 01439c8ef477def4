"""Claims: each due delivery is held by one worker at a time, under a fence that only rises."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.engine import make_session_factory
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState
from schedules.delivery.book import Claim
from schedules.delivery.claim import MAX_ATTEMPTS, claim_due, release
from schedules.delivery.leases import read_now
from schedules.plan.urgency import Urgency
from schedules.plan.vocabulary import Channel
from tests import builders
from tests.clock import FixedClock
from tests.database import service_engine_of
from tests.worker.desks import claim_all, lapse, lease_of, pass_now
from tests.worker.rows import outcomes, story


def test_a_claim_raises_fence_and_attempts_and_holds_the_delivery(session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))

    first, second = claim_all(session, clock), claim_all(session, clock, owner="worker-2")

    session.refresh(delivery)
    assert first == [Claim(delivery.practice_id, delivery.patient_id, delivery.id, 1)]
    assert second == []
    assert (delivery.state, delivery.attempts, delivery.lease_owner) == (DeliveryState.leased, 1, "worker-1")


def test_nothing_is_claimed_before_it_is_due(session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    delivery.next_attempt_at = clock.now() + timedelta(seconds=1)
    session.flush()

    early = claim_all(session, clock)
    clock.advance(timedelta(seconds=1))

    assert early == []
    assert len(claim_all(session, clock)) == 1


def test_the_longest_due_is_claimed_first(session: Session, clock: FixedClock) -> None:
    clinic = builders.practice(session)
    late, early = builders.due_delivery(session, clinic), builders.due_delivery(session, clinic)
    early.next_attempt_at = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
    session.flush()

    claims = claim_all(session, clock, limit=1) + claim_all(session, clock, limit=1)

    assert [claim.delivery_id for claim in claims] == [early.id, late.id]


def test_what_is_urgent_is_claimed_before_what_is_due_longer(session: Session, clock: FixedClock) -> None:
    clinic = builders.practice(session)
    usual, safety, urgent = (builders.due_delivery(session, clinic) for _ in range(3))
    for delivery, urgency in ((usual, Urgency.usual), (safety, Urgency.safety), (urgent, Urgency.urgent)):
        delivery.urgency = urgency
    usual.next_attempt_at = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
    session.flush()

    claims = [claim for _ in range(3) for claim in claim_all(session, clock, limit=1)]

    assert [claim.delivery_id for claim in claims] == [urgent.id, safety.id, usual.id]
    assert [claim.urgency for claim in claims] == [Urgency.urgent, Urgency.safety, Urgency.usual]


def test_workers_that_claim_at_the_same_time_share_what_is_due(
    engine: Engine, session: Session, clock: FixedClock
) -> None:
    clinic = builders.practice(session)
    due = {builders.due_delivery(session, clinic).id for _ in range(40)}
    session.commit()
    make_session, barrier = make_session_factory(service_engine_of(engine)), threading.Barrier(4)
    claimed: list[str] = []

    def work(owner: str) -> None:
        barrier.wait()
        while True:
            with make_session.begin() as mine:
                claims = claim_due(mine, lease_of(clock, owner), now=clock.now(), limit=3)
            claimed.extend(claim.delivery_id for claim in claims)
            # With locked rows skipped, a round may find none although some are left: the row's holder takes them.
            if not claims:
                return

    threads = [threading.Thread(target=work, args=(f"worker-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(claimed) == sorted(due)


def test_a_lease_that_ran_out_is_claimed_again_under_a_higher_fence(session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    claim_all(session, clock)

    lapse(session, clock)
    again = claim_all(session, clock, owner="worker-2")

    session.refresh(delivery)
    assert [claim.fence for claim in again] == [2]
    assert (delivery.attempts, delivery.deaths, delivery.solo) == (1, 0, False)


@pytest.mark.sqlite_only
def test_leases_of_another_boot_have_run_out(session: Session, clock: FixedClock) -> None:
    builders.due_delivery(session, builders.practice(session))
    claim_all(session, clock)

    clock.reboot("another-boot")

    assert [claim.fence for claim in claim_all(session, clock)] == [2]


def test_a_step_of_the_wall_clock_moves_no_lease(session: Session, clock: FixedClock) -> None:
    builders.due_delivery(session, builders.practice(session))
    claim_all(session, clock)

    clock.set_wall_clock(datetime(2026, 3, 2, 17, 0, tzinfo=UTC))

    assert claim_all(session, clock, owner="worker-2") == []


def test_due_times_follow_the_clock_that_all_workers_share(session: Session, clock: FixedClock) -> None:
    clock.set_wall_clock(datetime(2031, 1, 1, tzinfo=UTC))

    now = read_now(session, clock)

    shared = session.get_bind().dialect.name == "postgresql"
    assert now.utcoffset() == timedelta(0)
    assert (now != clock.now()) is shared


def test_an_attempt_whose_worker_died_is_abandoned_and_tried_alone(session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    pass_now(session, claim_all(session, clock)[0])

    lapse(session, clock)
    again = claim_all(session, clock, owner="worker-2")

    session.refresh(delivery)
    assert [claim.fence for claim in again] == [2]
    assert outcomes(session, delivery) == [AttemptOutcome.abandoned]
    assert (delivery.attempts, delivery.solo, delivery.deaths) == (2, True, 0)


def test_three_deaths_alone_set_a_delivery_aside_and_its_neighbour_goes_on(session: Session, clock: FixedClock) -> None:
    clinic = builders.practice(session)
    poison = builders.due_delivery(session, clinic)
    session.flush()
    for _ in range(4):
        pass_now(session, claim_all(session, clock)[0])
        lapse(session, clock)
    neighbour = builders.due_delivery(session, clinic)

    claims = claim_all(session, clock)

    session.refresh(poison)
    assert [claim.delivery_id for claim in claims] == [neighbour.id]
    assert (poison.state, poison.reason, poison.deaths) == (DeliveryState.quarantined, "worker_died", 3)
    assert story(session, poison)[-1] == ("quarantined", "worker_died")


def test_no_delivery_has_more_attempts_than_allowed(session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    delivery.attempts = MAX_ATTEMPTS - 1
    session.flush()
    pass_now(session, claim_all(session, clock)[0])

    lapse(session, clock)
    again = claim_all(session, clock)

    session.refresh(delivery)
    assert again == []
    assert (delivery.state, delivery.reason) == (DeliveryState.failed, "attempts_exhausted")


def test_a_released_claim_is_free_at_once_and_counts_as_no_attempt(session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    claims = claim_all(session, clock)

    release(session, claims)
    session.commit()

    session.refresh(delivery)
    assert (delivery.state, delivery.attempts, delivery.lease_owner) == (DeliveryState.pending, 0, None)
    assert [claim.fence for claim in claim_all(session, clock)] == [2]


def test_a_stale_claim_releases_nothing(session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    stale = claim_all(session, clock)
    lapse(session, clock)
    claim_all(session, clock, owner="worker-2")

    release(session, stale)
    session.commit()

    session.refresh(delivery)
    assert (delivery.state, delivery.lease_owner) == (DeliveryState.leased, "worker-2")


def test_attempts_of_other_deliveries_stay_as_they_are(session: Session, clock: FixedClock) -> None:
    clinic = builders.practice(session)
    mine = builders.due_delivery(session, clinic)
    other = builders.due_delivery(session, clinic)
    other.state, other.fence, other.attempts = DeliveryState.sent, 1, 1
    session.add(
        DeliveryAttempt(
            practice_id=other.practice_id,
            delivery_id=other.id,
            fence=1,
            channel=Channel.email,
            started_at=clock.now(),
            outcome=AttemptOutcome.accepted,
        )
    )
    session.flush()
    pass_now(session, claim_all(session, clock)[0])

    lapse(session, clock)
    claim_all(session, clock)

    states = {row.id: row.state for row in session.execute(select(Delivery.id, Delivery.state))}
    assert outcomes(session, other) == [AttemptOutcome.accepted]
    assert states == {mine.id: DeliveryState.leased, other.id: DeliveryState.sent}
