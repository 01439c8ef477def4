"""Examples of the document: the phones of a made-up patient."""

from typing import Any

_PHONE: dict[str, Any] = {
    "id": "01kprw5h2m7d1e3v5i7c9e0a2b",
    "patient_id": "k7Qm2pXcV9sLwRtA",
    "proxy_consent_id": None,
    "is_calling": True,
    "state": "active",
    "enrolled_at": "2026-04-01T15:00:00Z",
    "revoked_at": None,
    "lost_at": None,
    "wipe_told_at": None,
    "wiped_at": None,
}
LOST_DEVICE: dict[str, Any] = _PHONE | {
    "id": "01kpa0b1c2d3e4f5g6h7j8k9m0",
    "is_calling": False,
    "state": "asked",
    "revoked_at": "2026-04-22T13:01:14Z",
    "lost_at": "2026-04-22T13:01:14Z",
}
DEVICES: dict[str, Any] = {"items": [_PHONE, LOST_DEVICE]}
