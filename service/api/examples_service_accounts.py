"""Examples of the document: a program that reads a made-up clinic's plans. Its key opens nothing."""

from typing import Any

SERVICE_ACCOUNT: dict[str, Any] = {"name": "Hospital records", "scopes": ["patients:read", "plans:read"], "days": 180}
_STORED: dict[str, Any] = {
    "id": "01kprw5h2m7w4y6a8c0e2g5j7k",
    "name": "Hospital records",
    "scopes": ["patients:read", "plans:read"],
    "made_by": "01kprw5h2m7s9t1v3x5z8b0c4d",
    "made_at": "2026-04-15T14:00:00Z",
    "expires_at": "2026-10-12T14:00:00Z",
    "last_used_at": None,
}
NEW_SERVICE_ACCOUNT: dict[str, Any] = _STORED | {"key": "key_Zr0F6cNf1JmT2xq8yVb5oXw3uKp7sLd9aQe4hGi1RjE"}
SERVICE_ACCOUNTS: dict[str, Any] = {"items": [_STORED | {"last_used_at": "2026-04-16T06:30:00Z"}]}
