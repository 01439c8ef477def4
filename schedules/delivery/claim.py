"""Takes what is due, a few at a time, so that no two workers hold one delivery.

Takes also what a dead or frozen worker held: its lease has run out, and the kernel has ended it before it could still
send (see `schedules.delivery.deadline`), so its unresolved attempts can be closed as abandoned.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_, case, or_, select, tuple_, update
from sqlalchemy.orm import Session

from models.reminder import (
    OPEN_STATES,
    AttemptOutcome,
    DecisionKind,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
)
from schedules.delivery.book import Claim, ended, move
from schedules.delivery.decide import Reason
from schedules.delivery.leases import RELEASED, Lease, has_run_out, held
from schedules.planning.story import step_of, tell

MAX_ATTEMPTS = 8
MAX_SOLO_DEATHS = 3


def claim_due(session: Session, lease: Lease, *, now: datetime, limit: int) -> list[Claim]:
    """Claim at most `limit` deliveries that are due at `now`, the longest due first, and return the claims.

    An attempt whose worker died is abandoned and its delivery retried alone; after three deaths alone, or as many
    attempts as are allowed, the delivery ends instead.
    """
    found = _lock_claimable(session, lease, now=now, limit=limit)
    _abandon_attempts(session, found, now)
    to_try = []
    for delivery in found:
        end = _spent(delivery)
        if end is None:
            to_try.append(delivery)
        else:
            _end(session, delivery, end, now)
    return _lease(session, lease, to_try)


def release(session: Session, claims: Iterable[Claim]) -> None:
    """Give back claims that nothing was begun with, for any worker to take."""
    for claim in claims:
        columns = {"state": DeliveryState.pending, "attempts": Delivery.attempts - 1, **RELEASED}
        move(session, claim, DeliveryState.leased, **columns)


def _lock_claimable(session: Session, lease: Lease, *, now: datetime, limit: int) -> Sequence[Delivery]:
    held_once = Delivery.state.in_((DeliveryState.leased, DeliveryState.sending))
    claimable = or_(
        Delivery.state == DeliveryState.pending,
        and_(held_once, has_run_out(session, lease.clock)),
    )
    query = (
        select(Delivery)
        # Said once more in the words of the partial index, so that history costs nothing.
        .where(Delivery.state.in_(OPEN_STATES), Delivery.next_attempt_at <= now, claimable)
        .order_by(Delivery.next_attempt_at, Delivery.practice_id, Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def _abandon_attempts(session: Session, found: Sequence[Delivery], now: datetime) -> None:
    lost = _keys([each for each in found if each.state is DeliveryState.sending])
    if not lost:
        return
    session.execute(
        update(DeliveryAttempt)
        .where(tuple_(DeliveryAttempt.practice_id, DeliveryAttempt.delivery_id).in_(lost))
        .where(DeliveryAttempt.outcome.is_(None))
        .values(outcome=AttemptOutcome.abandoned, ended_at=now)
        .execution_options(synchronize_session=False)
    )


def _spent(delivery: Delivery) -> tuple[DeliveryState, Reason] | None:
    """Return how a delivery ends whose worker died once too often; None for one that may be tried again."""
    if delivery.state is not DeliveryState.sending:
        return None
    if delivery.solo and delivery.deaths + 1 >= MAX_SOLO_DEATHS:
        return DeliveryState.quarantined, Reason.worker_died
    if delivery.attempts >= MAX_ATTEMPTS:
        return DeliveryState.failed, Reason.attempts_exhausted
    return None


def _end(session: Session, delivery: Delivery, end: tuple[DeliveryState, Reason], now: datetime) -> None:
    state, reason = end
    for column, value in ended(state, now=now, reason=reason).items():
        setattr(delivery, column, value)
    delivery.deaths += delivery.solo
    tell(session, step_of(delivery), DecisionKind(state), now=now, reason=reason, channel=delivery.channel)


def _lease(session: Session, lease: Lease, deliveries: Sequence[Delivery]) -> list[Claim]:
    if not deliveries:
        return []
    died = Delivery.state == DeliveryState.sending
    statement = (
        update(Delivery)
        .where(tuple_(Delivery.practice_id, Delivery.id).in_(_keys(deliveries)))
        .values(
            state=DeliveryState.leased,
            fence=Delivery.fence + 1,
            # A lease that ran out before its attempt began has used none up.
            attempts=Delivery.attempts + case((Delivery.state == DeliveryState.leased, 0), else_=1),
            deaths=Delivery.deaths + case((and_(died, Delivery.solo), 1), else_=0),
            solo=or_(Delivery.solo, died),
            **held(session, lease),
        )
        .execution_options(synchronize_session=False)
    )
    session.execute(statement)
    return [
        Claim(each.practice_id, each.id, each.fence + 1, solo=each.solo or each.state is DeliveryState.sending)
        for each in deliveries
    ]


def _keys(deliveries: Sequence[Delivery]) -> list[tuple[str, str]]:
    return [(each.practice_id, each.id) for each in deliveries]
