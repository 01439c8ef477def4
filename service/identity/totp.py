"""Codes of an authenticator app: time-based one-time passwords (RFC 6238), as every such app reckons them.

SHA-1, six digits and steps of 30 seconds, since apps silently take these whatever they are told.
"""

import base64
import hmac
import secrets
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS: Final = 30
DIGITS: Final = 6
_SECRET_BYTES: Final = 20
_STEPS_OFF: Final = 1  # a phone's clock may be a step behind or ahead


def make_secret() -> str:
    """Return a new secret in base32, as people may type it into an app."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """Return the code of a time step."""
    return HOTP(base64.b32decode(secret), DIGITS, SHA1()).generate(step).decode()  # noqa: S303 - what apps reckon with


def step_of(now: datetime) -> int:
    """Return the time step of an instant."""
    return int(now.timestamp()) // STEP_SECONDS


def find_step(secret: str, code: str, now: datetime, *, after: int | None) -> int | None:
    """Return the time step whose code this is, up to one step off; None if it is none, or not later than `after`."""
    typed, present = "".join(code.split()), step_of(now)
    steps = range(present - _STEPS_OFF, present + _STEPS_OFF + 1)
    # All are compared, so that the time tells nothing.
    matching = [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), typed.encode())]
    return max((step for step in matching if after is None or step > after), default=None)


def provisioning_uri(secret: str, *, account: str, issuer: str) -> str:
    """Return the address that an app reads from a QR code."""
    totp = TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - what apps reckon with
    # Some apps take a plus sign for itself. One that is meant is written %2B already.
    return totp.get_provisioning_uri(account, issuer).replace("+", "%20")
