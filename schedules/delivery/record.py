"""Writes what became of a send, if the claim still holds its fence: a thawed worker's late word changes nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.reminder import AttemptOutcome, DecisionKind, Delivery, DeliveryState
from schedules.delivery.book import Claim, ended, move, resolve_attempt
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.claim import MAX_ATTEMPTS
from schedules.delivery.decide import Reason
from schedules.delivery.fall_back import fall_back, go_on_after_silence
from schedules.delivery.leases import RELEASED
from schedules.delivery.policy import DEFAULT_POLICY, Policy
from schedules.plan.vocabulary import Provider
from schedules.planning.story import step_of, tell

FIRST_RETRY_AFTER = timedelta(seconds=30)
LAST_RETRY_AFTER = timedelta(hours=1)
_REFUSED_FOR_GOOD = {
    Refusal.address: Reason.address_refused,
    Refusal.message: Reason.message_refused,
    Refusal.opted_out: Reason.opted_out,
}


@dataclass(frozen=True, slots=True)
class _Next:
    """Where a delivery goes from `sending`. `retry_at` is set for one that is tried again."""

    state: DeliveryState
    told: DecisionKind
    reason: Reason | None = None
    retry_at: datetime | None = None
    counts: bool = True  # as one of the attempts that are allowed


def record_result(
    session: Session,
    claim: Claim,
    result: Result,
    *,
    built: Collection[Provider],
    now: datetime,
    chance: float,
    policy: Policy = DEFAULT_POLICY,
) -> bool:
    """Write the result of the claim's attempt and return whether it counted.

    What failed goes on to the next way to the patient among the `built`; so does, later, what nobody acknowledges.
    `chance`, from 0 to 1, spreads repeats over time. A result under a stale fence moves no delivery.
    """
    delivery = _lock(session, claim, DeliveryState.sending)
    resolve_attempt(session, claim, result, now=now)
    if delivery is None:
        return False
    following = _next(delivery, result, now=now, chance=chance)
    if not _go_on(session, claim, delivery, following, now):
        return False
    if following.state is DeliveryState.failed and fall_back(session, delivery, built=built, now=now):
        move(session, claim, DeliveryState.failed, published=True)  # what is shown is the result of the last step
    if following.state is DeliveryState.sent:
        go_on_after_silence(session, delivery, built=built, policy=policy, now=now)
    return True


def record_trouble(session: Session, claim: Claim, *, now: datetime, chance: float) -> bool:
    """Write that a delivery raised an error, so that it is tried again later and at last set aside.

    Whether a request had left is not known. Return whether the claim still held the delivery.
    """
    delivery = _lock(session, claim, DeliveryState.leased, DeliveryState.sending)
    resolve_attempt(session, claim, Result(AttemptOutcome.unknown), now=now)
    if delivery is None:
        return False
    if delivery.attempts >= MAX_ATTEMPTS:
        end = _Next(DeliveryState.quarantined, DecisionKind.quarantined, Reason.raised)
        return _go_on(session, claim, delivery, end, now)
    return _go_on(session, claim, delivery, _retry(delivery, Reason.raised, now=now, chance=chance), now)


def retry_delay(attempts: int, chance: float) -> timedelta:
    """Return how long to wait after `attempts` attempts: doubling from 30 s to an hour, between half and all of it.

    >>> retry_delay(1, 1.0), retry_delay(3, 0.0)
    (datetime.timedelta(seconds=30), datetime.timedelta(seconds=60))
    """
    longest = min(FIRST_RETRY_AFTER * (1 << attempts - 1), LAST_RETRY_AFTER)
    return longest / 2 + longest / 2 * chance


def _lock(session: Session, claim: Claim, *states: DeliveryState) -> Delivery | None:
    """Return the delivery under lock if the claim holds it. Before its attempts, as a claim that takes it over does."""
    return session.scalars(
        select(Delivery)
        .where(
            Delivery.practice_id == claim.practice_id,
            Delivery.id == claim.delivery_id,
            Delivery.fence == claim.fence,
            Delivery.state.in_(states),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _next(delivery: Delivery, result: Result, *, now: datetime, chance: float) -> _Next:
    if result.outcome is AttemptOutcome.accepted:
        return _Next(DeliveryState.sent, DecisionKind.sent)
    if result.for_good is not None:
        return _Next(DeliveryState.failed, DecisionKind.failed, _REFUSED_FOR_GOOD[result.for_good])
    if result.retry_after is not None:
        retry_at = min(now + result.retry_after, delivery.useful_until)
        return _Next(DeliveryState.pending, DecisionKind.retrying, Reason.refused, retry_at, counts=False)
    if delivery.attempts >= MAX_ATTEMPTS:
        return _Next(DeliveryState.failed, DecisionKind.failed, Reason.attempts_exhausted)
    reason = Reason.refused if result.outcome is AttemptOutcome.refused else Reason.unknown_outcome
    return _retry(delivery, reason, now=now, chance=chance)


def _retry(delivery: Delivery, reason: Reason, *, now: datetime, chance: float) -> _Next:
    # No later than its end of usefulness: the gate then says that it expired.
    retry_at = min(now + retry_delay(max(delivery.attempts, 1), chance), delivery.useful_until)
    return _Next(DeliveryState.pending, DecisionKind.retrying, reason, retry_at)


def _go_on(session: Session, claim: Claim, delivery: Delivery, following: _Next, now: datetime) -> bool:
    if following.retry_at is None:
        columns = ended(following.state, now=now, reason=following.reason)
    else:
        columns = {"state": following.state, "reason": following.reason, "next_attempt_at": following.retry_at}
        columns |= RELEASED
        if not following.counts:
            columns["attempts"] = Delivery.attempts - 1
    # A worker that lived to tell breaks the row of deaths.
    if not move(session, claim, delivery.state, deaths=0, solo=False, **columns):
        return False
    tell(
        session,
        step_of(delivery),
        following.told,
        now=now,
        reason=following.reason,
        channel=delivery.channel,
        until=following.retry_at,
    )
    return True
