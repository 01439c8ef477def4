"""The forms that push addresses have, as a device may register them and a sender uses them.

A browser's address is a URL that it chose: it may lie on hosts that the settings admit, and nowhere else.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.push import PushProvider

AUTH_BYTES = 16
LONGEST_TOKEN = 1024
LONGEST_ENDPOINT = 2048
_TOKENS: Mapping[PushProvider, re.Pattern[str]] = MappingProxyType(
    {
        PushProvider.fcm: re.compile(r"[A-Za-z0-9:_-]{32,1024}"),
        PushProvider.apns: re.compile(r"([0-9A-Fa-f]{2}){32,100}"),
        PushProvider.expo: re.compile(r"Expo(nent)?PushToken\[[A-Za-z0-9_-]{8,128}\]"),
    }
)
# Stricter than any parser of URLs, so that no two of them can read another host from it.
_ENDPOINT = re.compile(
    r"(?P<origin>https://(?P<host>[a-z0-9.-]{1,253})(:[0-9]{1,5})?)/[A-Za-z0-9._~:@!$&'()*+,;=%/?-]*"
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser's address: where messages go, and whom they are sealed for (RFC 8291)."""

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)  # the browser's public key, an uncompressed point
    auth: bytes = field(repr=False)

    @property
    def origin(self) -> str:
        """Return scheme, host and port of the endpoint."""
        return _matched(self.endpoint)["origin"]

    @property
    def text(self) -> str:
        """Return the one text that it is stored as."""
        keys = {"p256dh": encode(self.p256dh), "auth": encode(self.auth)}
        return json.dumps({"endpoint": self.endpoint} | keys, separators=(",", ":"))


def is_token(provider: PushProvider, text: str) -> bool:
    """Return whether `text` looks like an address that the provider gives. A browser's is no token."""
    form = _TOKENS.get(provider)
    return form is not None and form.fullmatch(text) is not None


def is_endpoint(text: str) -> bool:
    """Return whether `text` is an address over TLS that a message could be posted to."""
    return len(text) <= LONGEST_ENDPOINT and _ENDPOINT.fullmatch(text) is not None


def is_admitted(endpoint: str, hosts: Collection[str]) -> bool:
    """Return whether an endpoint lies on one of `hosts`; one with a leading dot admits all hosts below it."""
    host = _matched(endpoint)["host"]
    return any(host.endswith(each) if each.startswith(".") else host == each for each in hosts)


def read_subscription(text: str) -> Subscription:
    """Return the subscription that was stored as `text`. Raises ValueError if it is none."""
    told: Any = json.loads(text)
    if not isinstance(told, dict) or not is_endpoint(str(told.get("endpoint", ""))):
        raise ValueError("expected a subscription with an endpoint")
    return Subscription(told["endpoint"], as_point(str(told.get("p256dh"))), as_secret(str(told.get("auth"))))


def as_point(text: str) -> bytes:
    """Return a public key of the curve P-256 from base64url. Raises ValueError if it is none."""
    point = _decode(text)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    if key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint) != point:
        raise ValueError("expected an uncompressed point")
    return point


def as_secret(text: str) -> bytes:
    """Return the 16 bytes that a browser shares with its senders, from base64url. Raises ValueError."""
    secret = _decode(text)
    if len(secret) != AUTH_BYTES:
        raise ValueError(f"expected {AUTH_BYTES} bytes, got {len(secret)}")
    return secret


def application_key(private_number: int) -> str:
    """Return the public key that belongs to a VAPID key, in base64url: what a browser subscribes with."""
    key = ec.derive_private_key(private_number, ec.SECP256R1()).public_key()
    return encode(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def encode(content: bytes) -> str:
    """Return `content` in base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    bare = text.rstrip("=")
    if not re.fullmatch("[A-Za-z0-9_-]{1,128}", bare):
        raise ValueError("expected base64url")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        raise ValueError("expected base64url") from None


def _matched(endpoint: str) -> re.Match[str]:
    found = _ENDPOINT.fullmatch(endpoint)
    if found is None:
        raise ValueError("expected an endpoint")
    return found
