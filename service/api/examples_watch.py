"""Examples of the document: how delivery stands in a made-up clinic, and what a night's self-audit found."""

from typing import Any

_AUDIT: dict[str, Any] = {
    "id": "01kprw5h2m7s9t1v3x5z8b0c4d",
    "ran_at": "2026-04-22T03:00:04Z",
    "invariant": "nothing_sent_twice",
    "checked": 214,
    "violations": 0,
    "examples": [],
}
_PLANS: dict[str, Any] = _AUDIT | {
    "id": "01kprw5h2m7w4y6a8c0e2g5j7k",
    "invariant": "every_plan_equals_its_rebuild",
    "checked": 187,
    "violations": 1,
    "examples": ["0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d"],
}
DELIVERY_HEALTH: dict[str, Any] = {
    "status": "late",
    "causes": [{"code": "delivery_overdue", "seconds": 74, "count": None}],
    "judged_at": "2026-04-22T13:01:14Z",
    "due": {"pending": 3, "leased": 0, "sending": 1},
    "held": 0,
    "decisions": [
        {"kind": "expired", "reason": "too_late", "channel": None, "count": 2},
        {"kind": "sent", "reason": None, "channel": "email", "count": 1480},
    ],
    "wakes": [{"provider": "fcm", "outcome": "accepted", "count": 311}],
    "self_audits": [_PLANS, _AUDIT],
    "open_conflicts": 1,
    "refused_rows": 0,
}
SELF_AUDITS: dict[str, Any] = {"items": [_PLANS, _AUDIT], "next": None}
