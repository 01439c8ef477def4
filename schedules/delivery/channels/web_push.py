"""Push to browsers (RFC 8030): sealed for the browser alone (RFC 8291), signed with our key (VAPID, RFC 8292).

The browser chose where to post, so the host is looked up in the settings again before each send. A repeat bears the
same topic, so that a push service keeps one, and the same key, so that a page shows one.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.push_forms import Subscription, application_key, is_admitted, read_subscription
from models.reminder import AttemptOutcome
from schedules.delivery.channels import Message, Refusal, Result
from schedules.delivery.channels.http import Answer, HttpLine
from schedules.delivery.channels.push import MESSAGE_KEY, TOO_LATE, id_of, judge, notification, seconds_of_use

SALT_BYTES = 16
_RECORD_BYTES = 4096
_LAST_RECORD = b"\x02"
_SIGNATURE_LIFE = timedelta(hours=12)  # a push service refuses more than a day


@dataclass(frozen=True, slots=True)
class WebPushSigner:
    """Who posts: our key's private number, whom a push service may ask, and the hosts that are posted to."""

    private_number: int = field(repr=False)
    contact: str
    hosts: Collection[str]


class WebPushSender:
    """Hands messages to the push services of browsers."""

    def __init__(self, signer: WebPushSigner, line: HttpLine | None = None) -> None:
        self._signer = signer
        self._line = line or HttpLine()
        self._key = ec.derive_private_key(signer.private_number, ec.SECP256R1())
        self._public_key = application_key(signer.private_number)

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Hand the message over within `deadline` and return what became of it."""
        try:
            subscription = read_subscription(message.address)
        except ValueError:
            return Result(AttemptOutcome.refused, "bad_address", Refusal.address)
        if not is_admitted(subscription.endpoint, self._signer.hosts):
            return Result(AttemptOutcome.refused, "host_not_admitted", Refusal.message)
        if seconds_of_use(message) < 1:
            return TOO_LATE
        answer = self._line.exchange(self._request(message, subscription), deadline)
        return _judge(answer) if isinstance(answer, Answer) else answer

    def _request(self, message: Message, subscription: Subscription) -> httpx.Request:
        content = orjson.dumps(notification(message) | {MESSAGE_KEY: message.key})
        once = ec.generate_private_key(ec.SECP256R1())
        headers = {
            "Authorization": f"vapid t={self._signature(message, subscription)}, k={self._public_key}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(seconds_of_use(message)),
            "Topic": message.key,
            "Urgency": "high",
        }
        sealed = seal_for(subscription, content, once, os.urandom(SALT_BYTES))
        return httpx.Request("POST", subscription.endpoint, headers=headers, content=sealed)

    def _signature(self, message: Message, subscription: Subscription) -> str:
        ends_at = message.written_at + _SIGNATURE_LIFE
        claims = {"aud": subscription.origin, "exp": ends_at, "sub": self._signer.contact}
        return jwt.encode(claims, self._key, algorithm="ES256")


def seal_for(subscription: Subscription, content: bytes, once: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """Return `content` as one record that only the subscribed browser can open (RFC 8291, 3.4; RFC 8188, 2.1).

    `once` and `salt` (16 bytes) must be new for each message.
    """
    browser = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), subscription.p256dh)
    ours = once.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = once.exchange(ec.ECDH(), browser)
    secret = _derive(shared, subscription.auth, b"WebPush: info\0" + subscription.p256dh + ours, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + _RECORD_BYTES.to_bytes(4) + len(ours).to_bytes(1) + ours
    return header + AESGCM(key).encrypt(nonce, content + _LAST_RECORD, None)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def _judge(answer: Answer) -> Result:
    if answer.status == 201:
        # The location names the message where the service tells it; the status alone means that it was taken.
        message_id = id_of(answer.headers.get("Location", "").rpartition("/")[2])
        return Result(AttemptOutcome.accepted, "201", message_id=message_id)
    if answer.status in (404, 410):
        return Result(AttemptOutcome.refused, str(answer.status), Refusal.address)
    return judge(answer)
