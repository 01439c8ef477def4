"""Use case: what providers tell of messages is stored, for the worker to draw the conclusions.

A provider knows no practice: the attempt is found by the provider's own name for the message. What names no message of
ours is counted and gives nothing away.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import DeliveryAttempt, Receipt
from models.bulk import insert_once
from models.receipts import ReceiptKind
from schedules.plan.vocabulary import Provider

_SMS_KINDS: Mapping[str, ReceiptKind] = MappingProxyType(
    {
        "delivered": ReceiptKind.delivered,
        "undelivered": ReceiptKind.undelivered,
        "failed": ReceiptKind.undelivered,
    }
)
# The provider's codes: an unknown number, and one that takes no SMS. Others pass: a phone that is off, a filter.
_SMS_CODES: Mapping[str, ReceiptKind] = MappingProxyType(
    {"30005": ReceiptKind.bounced, "30006": ReceiptKind.bounced, "21610": ReceiptKind.opted_out}
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider tells. `event_id` is its name for the event, `message_id` for the message."""

    event_id: str
    message_id: str
    kind: ReceiptKind
    happened_at: datetime
    code: str | None = None


def read_sms_status(form: Mapping[str, str], now: datetime) -> Told | None:
    """Return what the form of a status callback tells; None for a step on the way, or what is none."""
    name, status, code = form.get("MessageSid", ""), form.get("MessageStatus", ""), form.get("ErrorCode", "")
    kind = _SMS_KINDS.get(status)
    if kind is None or not name:
        return None
    if kind is ReceiptKind.undelivered:
        kind = _SMS_CODES.get(code, kind)
    plain = code if code.isascii() and code.isdigit() and len(code) <= 10 else None
    return Told(f"{name} {status}", name, kind, now, plain)


def read_mail_event(event: Mapping[str, Any]) -> Told:
    """Return what an event of a mail service tells. A bounce with a code of the 4s is one of the moment (RFC 3463)."""
    kind, code = ReceiptKind(event["type"]), event.get("code")
    if kind is ReceiptKind.bounced and code is not None and code.startswith("4"):
        kind = ReceiptKind.undelivered
    name = f"<{event['message_id'].strip().strip('<>')}>"
    return Told(event["id"], name, kind, event["at"], code)


def store_receipts(session: Session, provider: Provider, told: Sequence[Told], now: datetime) -> int:
    """Store each event that is about a message of ours, once. Return how many are not."""
    attempts = _attempts(session, provider, {each.message_id for each in told})
    for each in told:
        for attempt in attempts.get(each.message_id, ()):
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
        "is_read": False,
    }
