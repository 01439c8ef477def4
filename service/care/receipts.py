"""Reads what providers tell of messages in their callbacks. `schedules.planning.receipts` stores it."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from models.receipts import ReceiptKind
from schedules.planning.receipts import Told

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
