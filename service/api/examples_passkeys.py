"""Examples of the document: a made-up coordinator and her passkey. No message here opens anything."""

from typing import Any

from service.api.examples_sign_in import SESSION_TOKEN

__all__ = ["ANSWER", "ASK", "CREATION", "NEW", "PASSKEY", "PASSKEYS", "REQUEST", "SESSION_TOKEN"]

_CHALLENGE = "AAABnZPNJQAxq2mXc8m1nqkq0oJm7gq8VQmV3mW1b5fJb3S5E"
_ID = "q0Jc3Yy2mXc8m1nqkq0oJg"
ASK: dict[str, Any] = {}
REQUEST: dict[str, Any] = {
    "options": {
        "challenge": _CHALLENGE,
        "timeout": 300000,
        "rpId": "recovery.example.org",
        "allowCredentials": [],
        "userVerification": "required",
    }
}
CREATION: dict[str, Any] = {
    "options": {
        "rp": {"name": "Hudson Spine", "id": "recovery.example.org"},
        "user": {"id": "Qf3v5J1d", "name": "casey@example.org", "displayName": "Casey Rivera"},
        "challenge": _CHALLENGE,
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "timeout": 300000,
        "excludeCredentials": [],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }
}
ANSWER: dict[str, Any] = {
    "passkey": {
        "id": _ID,
        "rawId": _ID,
        "type": "public-key",
        "response": {
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
            "authenticatorData": "SZYN5YgOjGh0NBcP",
            "signature": "MEUCIQ",
            "userHandle": "Qf3v5J1d",
        },
    }
}
NEW: dict[str, Any] = {
    "name": "Phone",
    "passkey": {
        "id": _ID,
        "rawId": _ID,
        "type": "public-key",
        "response": {"clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0", "attestationObject": "o2NmbXRkbm9uZQ"},
    },
}
PASSKEY: dict[str, Any] = {
    "id": "01kp5v3q2w9x4y8z1a6b0c5d7e",
    "name": "Phone",
    "made_at": "2026-04-15T14:00:00Z",
    "last_used_at": None,
    "stopped_at": None,
}
PASSKEYS: dict[str, Any] = {"items": [PASSKEY]}
