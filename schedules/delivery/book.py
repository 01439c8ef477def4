"""The worker's book-keeping: a delivery's moves, each under its fence, and what became of its attempts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from models.reminder import Delivery, DeliveryAttempt, DeliveryState
from schedules.delivery.channels import Result
from schedules.delivery.leases import RELEASED


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to move one delivery. It ends when another claim raises the delivery's fence.

    `solo`: a worker died with it, so it is to be delivered by a process that has nothing else in hand.
    """

    practice_id: str
    delivery_id: str
    fence: int
    solo: bool = False


def move(session: Session, claim: Claim, source: DeliveryState, **columns: Any) -> bool:
    """Change the delivery if the claim still holds it in the state `source`. Return whether it did."""
    statement = (
        update(Delivery)
        .where(
            Delivery.practice_id == claim.practice_id,
            Delivery.id == claim.delivery_id,
            Delivery.fence == claim.fence,
            Delivery.state == source,
        )
        .values(**columns)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def ended(state: DeliveryState, *, now: datetime, reason: str | None = None) -> dict[str, Any]:
    """Return the columns of a delivery that is over, to be shown on its reminder."""
    return {"state": state, "reason": reason, "finished_at": now, "published": False, **RELEASED}


def resolve_attempt(session: Session, claim: Claim, result: Result, *, now: datetime) -> None:
    """Write what became of the claim's attempt, unless that is known already."""
    session.execute(
        update(DeliveryAttempt)
        .where(
            DeliveryAttempt.practice_id == claim.practice_id,
            DeliveryAttempt.delivery_id == claim.delivery_id,
            DeliveryAttempt.fence == claim.fence,
            DeliveryAttempt.outcome.is_(None),
        )
        .values(
            outcome=result.outcome,
            ended_at=now,
            provider_code=result.code,
            provider_message_id=result.message_id,
        )
        .execution_options(synchronize_session=False)
    )
