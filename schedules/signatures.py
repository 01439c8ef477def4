"""Signatures of webhooks by the Standard Webhooks scheme, v1: HMAC-SHA256 over id, time and body.

A clinic's system knows our messages by them, and we know the events of a mail service. Any library of that scheme reads
and writes them.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes of a key
_VERSION = "v1"


def read_secret(secret: str) -> bytes:
    """Return the key of a secret: `whsec_` and 24 to 64 bytes in base64. Raises ValueError for anything else."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"expected {_PREFIX} and {_SHORTEST} to {_LONGEST} bytes in base64")
    return key


def signed(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign `body`, sent at `at`. Raises ValueError for what is no secret."""
    seconds = str(int(at.timestamp()))
    return {ID: message_id, TIMESTAMP: seconds, SIGNATURE: _signature(secret, message_id, seconds, body)}


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """Return whether `headers` sign `body` with the secret, not longer ago (or ahead) than five minutes from `now`."""
    seconds = headers.get(TIMESTAMP, "")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 11):
        return False
    if abs(now - datetime.fromtimestamp(int(seconds), UTC)) > TOLERANCE:
        return False
    wanted = _signature(secret, headers.get(ID, ""), seconds, body).encode()
    given = headers.get(SIGNATURE, "")[:1000].encode("utf-8", "replace").split(b" ")
    return any([hmac.compare_digest(wanted, each) for each in given])  # noqa: C419 - each is compared, whatever came before


def _signature(secret: str, message_id: str, seconds: str, body: bytes) -> str:
    content = f"{message_id}.{seconds}.".encode() + body
    digest = hmac.new(read_secret(secret), content, hashlib.sha256).digest()
    return f"{_VERSION},{base64.b64encode(digest).decode()}"
