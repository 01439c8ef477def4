"""An authenticator in software: it keeps key pairs, counts, and signs as WebAuthn says (Level 2, sections 6 and 7)."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ORIGIN, HOST = "http://localhost:8000", "localhost"


def coded(raw: bytes) -> str:
    """Return bytes in base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes of base64url."""
    return urlsafe_b64decode(text + "===")


@dataclass
class SoftPasskey:
    """One key pair. `verifies`: its holder shows finger or PIN. `count` 0 stays 0: it does not count."""

    origin: str = ORIGIN
    host: str = HOST
    verifies: bool = True
    count: int = 1
    handle: bytes = b""
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return what `navigator.credentials.create` gives."""
        self.handle = decoded(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + encode_cbor(cose)
        told = {"fmt": "none", "attStmt": {}, "authData": self._told(ATTESTED) + attested}
        client = self._client("webauthn.create", options)
        return self._answer(clientDataJSON=coded(client), attestationObject=coded(encode_cbor(told)))

    def get(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Return what `navigator.credentials.get` gives. `changes` are of what the browser says of itself."""
        self.count += 1 if self.count else 0
        client, told = self._client("webauthn.get", options), self._told(0)
        client = json.dumps(json.loads(client) | changes).encode() if changes else client
        signature = self.key.sign(told + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        answer = self._answer(clientDataJSON=coded(client), authenticatorData=coded(told), signature=coded(signature))
        answer["response"]["userHandle"] = coded(self.handle)
        return answer

    def copy(self) -> "SoftPasskey":
        """Return a second authenticator with the same key, whose counter goes its own way."""
        names = ("origin", "host", "count", "handle", "id", "key")
        return SoftPasskey(**{name: getattr(self, name) for name in names})

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _told(self, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _answer(self, **response: str) -> dict[str, Any]:
        return {"id": coded(self.id), "rawId": coded(self.id), "type": "public-key", "response": response}


def changed(answer: dict[str, Any], **response: Any) -> dict[str, Any]:
    """Return an answer with another response."""
    other = deepcopy(answer)
    other["response"] |= response
    return other
