"""Stores what providers tell of messages, for the worker to draw the conclusions.

A provider knows no practice: the attempt is found by the provider's own name for the message. What names no message of
ours is counted and gives nothing away.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.bulk import insert_once
from models.isolation import see, through_doors
from models.receipts import Receipt, ReceiptKind
from models.reminder import DeliveryAttempt
from schedules.plan.vocabulary import Provider


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider tells. `event_id` is its name for the event, `message_id` for the message.

    `is_read`: there is nothing to conclude from it.
    """

    event_id: str
    message_id: str
    kind: ReceiptKind
    happened_at: datetime
    code: str | None = None
    is_read: bool = False


def store_receipts(session: Session, provider: Provider, told: Sequence[Told], now: datetime) -> int:
    """Store each event that is about a message of ours, once. Return how many are not."""
    with through_doors(session):
        attempts = _attempts(session, provider, {each.message_id for each in told})
    for each in told:
        for attempt in attempts.get(each.message_id, ()):
            see(session, attempt.practice_id)
            insert_once(session, Receipt, _row(provider, each, attempt, now))
    return sum(each.message_id not in attempts for each in told)


def _attempts(session: Session, provider: Provider, names: Iterable[str]) -> dict[str, list[DeliveryAttempt]]:
    query = select(DeliveryAttempt).where(
        DeliveryAttempt.provider_message_id.in_(names), DeliveryAttempt.provider == provider
    )
    found: dict[str, list[DeliveryAttempt]] = {}
    for attempt in session.scalars(query):
        found.setdefault(attempt.provider_message_id or "", []).append(attempt)
    return found


def _row(provider: Provider, told: Told, attempt: DeliveryAttempt, now: datetime) -> dict[str, Any]:
    identity = f"{provider}\0{told.event_id}\0{attempt.delivery_id}\0{attempt.fence}"
    return {
        "practice_id": attempt.practice_id,
        "id": hashlib.sha256(identity.encode()).hexdigest(),
        "delivery_id": attempt.delivery_id,
        "fence": attempt.fence,
        "kind": told.kind,
        "code": told.code,
        "happened_at": told.happened_at,
        "received_at": now,
        "is_read": told.is_read,
    }
