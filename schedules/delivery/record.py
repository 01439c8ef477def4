"""Writes what became of sends, if the claims still hold their fences: a thawed worker's late word changes nothing."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.reminder import AttemptOutcome, DecisionKind, Delivery, DeliveryAttempt, DeliveryState
from models.statistics import look_up_by_key
from schedules.delivery.book import Claim, Held, ended, lock_held, move, resolve_attempts
from schedules.delivery.calls import disable_staff_address
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.claim import MAX_ATTEMPTS
from schedules.delivery.dead_addresses import note_dead
from schedules.delivery.decide import Reason
from schedules.delivery.fall_back import fall_back, go_on_after_silence, waits_for_an_answer
from schedules.delivery.leases import RELEASED
from schedules.delivery.policy import DEFAULT_POLICY, Policy
from schedules.delivery.push_addresses import disable_if_dead
from schedules.delivery.subjects import LAST_RETRY_AFTER, goes_to_staff, rules_of
from schedules.plan.vocabulary import Provider
from schedules.planning.story import tell

FIRST_RETRY_AFTER = timedelta(seconds=30)
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


def record_results(
    session: Session,
    results: Sequence[tuple[Claim, Result]],
    *,
    built: Collection[Provider],
    now: datetime,
    chance: Callable[[], float],
    policy: Policy = DEFAULT_POLICY,
) -> list[Claim]:
    """Write the results of attempts, all of one practice, and return the claims whose result counted.

    What failed goes on to the next way to the patient among the `built`; so does, later, what nobody acknowledges.
    `chance` gives a number from 0 to 1, which spreads repeats over time. A result under a stale fence moves nothing.
    """
    look_up_by_key(session)
    held = lock_held(session, [claim for claim, _ in results], DeliveryState.sending)
    resolve_attempts(session, results, now=now)
    chances = _by_patient(chance)
    sent = []
    for claim, result in results:
        if claim not in held:
            continue
        following = _next(held[claim], result, now=now, chance=chances[claim.patient_id])
        if following.state is DeliveryState.sent:
            sent.append(claim)
        else:
            _go_on(session, claim, held[claim], following, now)
            _note_address(session, claim, held[claim], result, now)
            if following.state is DeliveryState.failed:
                _fall_back(session, claim, built=built, now=now)
    # A worker that lived to tell breaks the row of deaths.
    move(session, sent, **ended(DeliveryState.sent, now=now), deaths=0, solo=False)
    for claim in sent:
        tell(session, held[claim].story, DecisionKind.sent, now=now, channel=held[claim].channel)
        if waits_for_an_answer(held[claim]):
            row = _row_of(session, claim)
            go_on_after_silence(session, row, built=built, policy=policy, now=now)
    return list(held)


def record_trouble(
    session: Session, claims: Sequence[Claim], *, now: datetime, chance: Callable[[], float]
) -> list[Claim]:
    """Write that deliveries raised an error, so that each is tried again later, and at last set aside.

    The claims are of one practice. Each is tried alone from now on: of a digest, one item may be what raises. Whether
    a request had left is not known. Return the claims that still held.
    """
    held = lock_held(session, claims, DeliveryState.leased, DeliveryState.sending)
    resolve_attempts(session, [(claim, Result(AttemptOutcome.unknown)) for claim in claims], now=now)
    for claim, delivery in held.items():
        following = _retry(delivery, Reason.raised, now=now, chance=chance())
        if delivery.attempts >= MAX_ATTEMPTS:
            following = _Next(DeliveryState.quarantined, DecisionKind.quarantined, Reason.raised)
        _go_on(session, claim, delivery, following, now, solo=True)
    return list(held)


def retry_delay(attempts: int, chance: float) -> timedelta:
    """Return how long to wait after `attempts` attempts: doubling from 30 s to an hour, between half and all of it.

    >>> retry_delay(1, 1.0), retry_delay(3, 0.0)
    (datetime.timedelta(seconds=30), datetime.timedelta(seconds=60))
    """
    longest = min(FIRST_RETRY_AFTER * (1 << attempts - 1), LAST_RETRY_AFTER)
    return longest / 2 + longest / 2 * chance


def _by_patient(chance: Callable[[], float]) -> Mapping[str, float]:
    """Return one draw a patient: what went as one message is repeated as one, so it must become due as one."""
    return defaultdict(chance)


def _next(delivery: Held, result: Result, *, now: datetime, chance: float) -> _Next:
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


def _retry(delivery: Held, reason: Reason, *, now: datetime, chance: float) -> _Next:
    # No later than its end of usefulness: the gate then says that it expired.
    delay = retry_delay(max(delivery.attempts, 1), chance)
    retry_at = min(now + min(delay, rules_of(delivery).last_retry_after), delivery.useful_until)
    return _Next(DeliveryState.pending, DecisionKind.retrying, reason, retry_at)


def _go_on(
    session: Session, claim: Claim, delivery: Held, following: _Next, now: datetime, *, solo: bool = False
) -> None:
    if following.retry_at is None:
        columns = ended(following.state, now=now, reason=following.reason)
    else:
        columns = {"state": following.state, "reason": following.reason, "next_attempt_at": following.retry_at}
        columns |= RELEASED
        if not following.counts:
            columns["attempts"] = delivery.attempts - 1
    move(session, [claim], deaths=0, solo=solo, **columns)
    tell(
        session,
        delivery.story,
        following.told,
        now=now,
        reason=following.reason,
        channel=delivery.channel,
        until=following.retry_at,
    )


def _fall_back(session: Session, claim: Claim, *, built: Collection[Provider], now: datetime) -> None:
    failed = _row_of(session, claim)
    if fall_back(session, failed, built=built, now=now):
        failed.published = True  # what is shown is the result of the last step


def _note_address(session: Session, claim: Claim, delivery: Held, result: Result, now: datetime) -> None:
    """Note what a result says of the address, in the list that it stands in."""
    if not goes_to_staff(delivery):
        if result.for_good is Refusal.address:
            _bury(session, claim, result, now)
        disable_if_dead(session, claim, delivery, result, now=now)
    elif result.for_good is Refusal.address:
        target = _row_of(session, claim).target
        disable_staff_address(session, delivery, target, code=result.code, now=now)


def _bury(session: Session, claim: Claim, result: Result, now: datetime) -> None:
    """Note that the address of the claim's attempt is dead."""
    attempt = session.get_one(DeliveryAttempt, (claim.practice_id, claim.delivery_id, claim.fence))
    note_dead(session, attempt, _row_of(session, claim).target, code=result.code, now=now)


def _row_of(session: Session, claim: Claim) -> Delivery:
    return session.get_one(Delivery, (claim.practice_id, claim.delivery_id), populate_existing=True)
