"""Results: what a provider answered moves a delivery only under its fence (R10)."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState
from schedules.delivery.book import Claim
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.claim import MAX_ATTEMPTS
from schedules.delivery.record import record_results, record_trouble, retry_delay
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import SMTP_ONLY, claim_all, lapse, pass_now
from tests.worker.rows import outcomes, story

ACCEPTED = Result(AttemptOutcome.accepted, "250")
BUSY = Result(AttemptOutcome.refused, "451")
SILENT = Result(AttemptOutcome.unknown, "deadline")


@pytest.fixture
def sending(session: Session, clock: FixedClock) -> Claim:
    """Return the claim of a delivery whose message is on its way."""
    builders.due_delivery(session, builders.practice(session))
    claim = claim_all(session, clock)[0]
    pass_now(session, claim)
    return claim


def find(session: Session, claim: Claim) -> Delivery:
    delivery = session.get(Delivery, (claim.practice_id, claim.delivery_id), populate_existing=True)
    assert delivery is not None
    return delivery


def record(session: Session, claim: Claim, result: Result, *, chance: float = 1.0) -> bool:
    counted = record_results(session, [(claim, result)], built=SMTP_ONLY, now=MONDAY_AFTERNOON, chance=lambda: chance)
    session.commit()
    return counted == [claim]


def test_what_the_provider_accepted_is_sent_and_never_claimed_again(
    session: Session, clock: FixedClock, sending: Claim
) -> None:
    counted = record(session, sending, ACCEPTED)

    delivery = find(session, sending)
    lapse(session, clock)
    assert counted
    assert (delivery.state, delivery.finished_at, delivery.published) == (DeliveryState.sent, MONDAY_AFTERNOON, False)
    assert outcomes(session, delivery) == [AttemptOutcome.accepted]
    assert story(session, delivery) == [("sending", None), ("sent", None)]
    assert claim_all(session, clock) == []


@pytest.mark.parametrize(("result", "reason"), [(BUSY, "refused"), (SILENT, "unknown_outcome")])
def test_what_failed_is_tried_again_later(session: Session, sending: Claim, result: Result, reason: str) -> None:
    record(session, sending, result)

    delivery = find(session, sending)
    assert (delivery.state, delivery.reason, delivery.lease_owner) == (DeliveryState.pending, reason, None)
    assert delivery.next_attempt_at == MONDAY_AFTERNOON + timedelta(seconds=30)
    assert outcomes(session, delivery) == [result.outcome]
    assert story(session, delivery) == [("sending", None), ("retrying", reason)]


def test_a_repeat_waits_no_longer_than_the_message_is_useful(session: Session, sending: Claim) -> None:
    delivery = find(session, sending)
    delivery.useful_until = MONDAY_AFTERNOON + timedelta(seconds=10)
    session.commit()

    record(session, sending, BUSY)

    assert find(session, sending).next_attempt_at == MONDAY_AFTERNOON + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("refusal", "reason"), [(Refusal.address, "address_refused"), (Refusal.message, "message_refused")]
)
def test_what_is_refused_for_good_fails_at_once(
    session: Session, sending: Claim, refusal: Refusal, reason: str
) -> None:
    record(session, sending, Result(AttemptOutcome.refused, "550", refusal))

    delivery = find(session, sending)
    assert (delivery.state, delivery.reason) == (DeliveryState.failed, reason)
    assert story(session, delivery)[-1] == ("failed", reason)


def test_the_last_attempt_that_fails_is_the_end(session: Session, sending: Claim) -> None:
    find(session, sending).attempts = MAX_ATTEMPTS
    session.commit()

    record(session, sending, SILENT)

    delivery = find(session, sending)
    assert (delivery.state, delivery.reason) == (DeliveryState.failed, "attempts_exhausted")


def test_a_result_under_a_stale_fence_changes_nothing(session: Session, clock: FixedClock, sending: Claim) -> None:
    lapse(session, clock)
    second = claim_all(session, clock, owner="worker-2")[0]
    pass_now(session, second)
    record(session, second, ACCEPTED)

    counted = record(session, sending, BUSY)

    delivery = find(session, sending)
    assert not counted
    assert delivery.state is DeliveryState.sent
    assert outcomes(session, delivery) == [AttemptOutcome.abandoned, AttemptOutcome.accepted]
    assert story(session, delivery)[-1] == ("sent", None)


def test_a_stale_result_does_not_end_an_attempt_that_is_still_on_its_way(
    session: Session, clock: FixedClock, sending: Claim
) -> None:
    lapse(session, clock)
    second = claim_all(session, clock, owner="worker-2")[0]
    pass_now(session, second)

    counted = record(session, sending, BUSY)

    delivery = find(session, sending)
    assert not counted
    assert (delivery.state, delivery.fence) == (DeliveryState.sending, 2)
    assert outcomes(session, delivery) == [AttemptOutcome.abandoned, None]


def test_a_result_breaks_a_row_of_deaths(session: Session, clock: FixedClock, sending: Claim) -> None:
    lapse(session, clock)
    second = claim_all(session, clock)[0]
    pass_now(session, second)

    record(session, second, BUSY)

    delivery = find(session, sending)
    assert (delivery.deaths, delivery.solo) == (0, False)


def test_a_delivery_that_raises_is_tried_again_and_at_last_set_aside(session: Session, sending: Claim) -> None:
    record_trouble(session, [sending], now=MONDAY_AFTERNOON, chance=lambda: 0.0)
    session.commit()
    first = find(session, sending)
    retried = (first.state, first.reason, first.next_attempt_at)
    first.state, first.attempts = DeliveryState.leased, MAX_ATTEMPTS
    session.commit()

    record_trouble(session, [sending], now=MONDAY_AFTERNOON, chance=lambda: 0.0)
    session.commit()

    delivery = find(session, sending)
    assert retried == (DeliveryState.pending, "raised", MONDAY_AFTERNOON + timedelta(seconds=15))
    assert (delivery.state, delivery.reason) == (DeliveryState.quarantined, "raised")
    assert outcomes(session, delivery) == [AttemptOutcome.unknown]


def test_a_result_resolves_its_own_attempt_alone(session: Session, clock: FixedClock, sending: Claim) -> None:
    builders.due_delivery(session, builders.practice(session))
    other = claim_all(session, clock)[0]
    pass_now(session, other)

    record(session, sending, ACCEPTED)

    attempt = session.get(DeliveryAttempt, (other.practice_id, other.delivery_id, other.fence))
    assert attempt is not None
    assert attempt.outcome is None


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"), [(1, 0.0, 15), (1, 1.0, 30), (2, 1.0, 60), (7, 1.0, 1920), (8, 1.0, 3600)]
)
def test_repeats_wait_twice_as_long_each_time_up_to_an_hour(attempts: int, chance: float, seconds: int) -> None:
    assert retry_delay(attempts, chance) == timedelta(seconds=seconds)
