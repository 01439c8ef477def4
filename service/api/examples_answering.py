"""Examples of the document: a made-up clinic that wants its less urgent alerts in hand later."""

from typing import Any

BODY: dict[str, Any] = {
    "acknowledge_minutes": 360,
    "escalate_minutes": 120,
    "reason": "Nobody is in the clinic on Sundays.",
}
ANSWERING: dict[str, Any] = {
    "urgency": "next_day",
    "holds": {"acknowledge_minutes": 360, "escalate_minutes": 120},
    "default": {"acknowledge_minutes": 240, "escalate_minutes": 120},
    "bounds": {"shortest": 2, "longest_acknowledge": 480, "longest_escalate": 240},
    "grade": "E",
    "is_longer": True,
    "reason": "Nobody is in the clinic on Sundays.",
    "set_at": "2026-04-22T13:01:14Z",
    "set_by": "01kprw5h2m7s9t1v3x5z8b0c4d",
    "etag": "0b6f3c1e6a0e4d0c9f532f3d4a5b6c7d",
}
ANSWERINGS: dict[str, Any] = {"items": [ANSWERING]}
