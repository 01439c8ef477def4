"""Holds after a restore what may have gone out since the backup was made, and carries out what is decided about it.

Of what was due by then nobody can tell any more whether a provider took it. Nothing of it goes out by itself: somebody
has it sent, or lets it go.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.claimable import is_claimable
from models.reminder import (
    AttemptOutcome,
    DecisionKind,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
)
from schedules.planning.story import step_of, tell

RESTORED = "restored"
RELEASED = "released"
# More claims than any delivery has: whoever still holds one from the time that was lost moves nothing with it.
FENCES_LEFT_OUT = 1_000_000
_NO_LEASE: dict[str, Any] = {"lease_owner": None, "lease_until": None, "lease_until_ms": None, "lease_boot": None}


def hold_what_may_have_gone_out(session: Session, practice_id: str, now: datetime) -> int:
    """Hold each open delivery of a practice that was due by `now` or in a worker's hands. Return how many.

    A request whose answer was not known when the backup was made is closed as abandoned: no worker of that time lives.
    What tells staff of an alert or of break-glass is never held: better twice than not at all.
    """
    session.execute(
        update(DeliveryAttempt)
        .where(DeliveryAttempt.practice_id == practice_id, DeliveryAttempt.outcome.is_(None))
        .values(outcome=AttemptOutcome.abandoned, ended_at=now)
        .execution_options(synchronize_session=False)
    )
    # What a worker had was due when it took it.
    query = select(Delivery).where(Delivery.practice_id == practice_id, is_claimable(), Delivery.next_attempt_at <= now)
    open_ones = session.scalars(query.order_by(Delivery.id).with_for_update()).all()
    held = [each for each in open_ones if each.reminder_id is not None]
    for delivery in open_ones:
        delivery.fence += FENCES_LEFT_OUT
        if delivery.reminder_id is None:
            _move(delivery, DeliveryState.pending, None)
    for delivery in held:
        _move(delivery, DeliveryState.held, RESTORED)
        tell(session, step_of(delivery), DecisionKind.held, now=now, reason=RESTORED)
    return len(held)


def release(session: Session, delivery: Delivery, now: datetime) -> None:
    """Give a held delivery, which is locked, to the workers: whether it is still to go out is decided as ever."""
    delivery.next_attempt_at = max(now, delivery.next_attempt_at)
    _move(delivery, DeliveryState.pending, None)
    tell(
        session,
        step_of(delivery),
        DecisionKind.retrying,
        now=now,
        reason=RELEASED,
        channel=delivery.channel,
        until=delivery.next_attempt_at,
    )


def drop(session: Session, delivery: Delivery, now: datetime) -> None:
    """End a held delivery, which is locked, without sending it. Its reminder shows that once the worker has seen it."""
    _move(delivery, DeliveryState.cancelled, RESTORED)
    delivery.finished_at, delivery.published = now, False
    tell(session, step_of(delivery), DecisionKind.cancelled, now=now, reason=RESTORED)


def _move(delivery: Delivery, state: DeliveryState, reason: str | None) -> None:
    delivery.state, delivery.reason = state, reason
    for name, value in _NO_LEASE.items():
        setattr(delivery, name, value)
