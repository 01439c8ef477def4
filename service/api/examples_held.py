"""Examples of the document: messages that are held after a restore."""

from typing import Any

_ID = "01kpsc3v7q2m4t6w8y0a1c3e5g"
_REMINDER = "3f0d9b7a-5c1e-4f6a-8b2d-7e9c0a1b2c3d"
HELD: dict[str, Any] = {
    "items": [
        {
            "id": _ID,
            "patient_id": "8c5a1e9f-2b4d-4c6e-9a7b-1d3f5e7a9c0b",
            "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
            "reminder_id": _REMINDER,
            "key": "stop_eating",
            "category": "preparation",
            "channel": None,
            "due_at": "2026-04-22T13:00:00Z",
            "useful_until": "2026-04-23T04:00:00Z",
            "held_since": "2026-04-22T14:05:12Z",
        }
    ],
    "next": None,
}
RELEASED: dict[str, Any] = {"id": _ID, "reminder_id": _REMINDER, "state": "pending"}
DROPPED: dict[str, Any] = {"id": _ID, "reminder_id": _REMINDER, "state": "cancelled"}
