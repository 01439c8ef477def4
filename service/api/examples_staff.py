"""Examples of the document: a made-up clinic's staff. No code here opens anything."""

from typing import Any

INVITATION: dict[str, Any] = {"name": "Dana Okafor", "email": "dana@example.org", "role": "coordinator"}
_STORED: dict[str, Any] = {
    "id": "01kprw5h2m7w4y6a8c0e2g5j7k",
    "name": "Dana Okafor",
    "email": "dana@example.org",
    "email_dead_at": None,
    "role": "coordinator",
    "deactivated_at": None,
    "has_password": False,
    "has_authenticator": False,
    "code_until": "2026-04-16T14:00:00Z",
    "sessions": 0,
    "episodes": 0,
    "provider_linked_at": None,
}
STAFF: dict[str, Any] = {
    "items": [_STORED | {"has_password": True, "has_authenticator": True, "code_until": None, "episodes": 41}]
}
MEMBER: dict[str, Any] = _STORED
CODE: dict[str, Any] = {
    "staff_id": "01kprw5h2m7w4y6a8c0e2g5j7k",
    "code": "7K3M-9QAT-X2VD-04BN",
    "expires_at": "2026-04-16T14:00:00Z",
}
ROLE: dict[str, Any] = {"role": "clinician"}
LOST: dict[str, Any] = {"lost": "second_factor"}
