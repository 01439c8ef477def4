"""Examples of the document: an alert of a made-up patient, and who is on call."""

from typing import Any

ASSIGN: dict[str, Any] = {"staff_id": "01kp4t7c2e5h8m1q4s7v0x3z6b"}
CONTACT: dict[str, Any] = {"method": "phone", "is_reached": True, "note": "Is on the way to the emergency department."}
CLOSE: dict[str, Any] = {"outcome": "sent_to_emergency"}
SHIFT: dict[str, Any] = {
    "staff_id": "01kp4t7c2e5h8m1q4s7v0x3z6b",
    "place": "first",
    "from_on": "2026-04-20",
    "from_at": "18:00",
    "until_on": "2026-04-21",
    "until_at": "08:00",
}
ROTA: dict[str, Any] = {
    "now": {"first": ["01kp4t7c2e5h8m1q4s7v0x3z6b"], "second": [], "fallback": []},
    "monitored_until": "2026-04-21T13:00:00Z",
    "items": [{"id": "night-2026-04-20", **SHIFT}],
    "next": None,
}
ADDRESS: dict[str, Any] = {"address": "+16175550123", "rank": 0}
ADDRESSES: dict[str, Any] = {
    "items": [
        {
            "channel": "sms",
            "rank": 0,
            "set_at": "2026-04-01T14:00:00Z",
            "disabled_at": None,
            "disabled_code": None,
        }
    ]
}
_ALERT: dict[str, Any] = {
    "id": "qk3v5o2m6d7w4hyt3x2b6zq7a5ncd4le",
    "patient_id": "k7Qm2pXcV9sLwRtA",
    "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
    "kind": "red_flag",
    "urgency": "emergency_department",
    "state": "open",
    "about": {"check_in_id": "n4Rz8kQw2LpXv7Ty", "red_flag": "new_weakness"},
    "why": {
        "text": {
            "en": "New or worse weakness of a leg or arm, a foot that drops, or pain that quickly gets worse.",
            "es": "Debilidad nueva o mayor de una pierna o un brazo, un pie que cae, o dolor que empeora rápidamente.",
        },
        "grade": "E",
        "sources": ["S137"],
        "answering": {"acknowledge_minutes": 15, "escalate_minutes": 10, "grade": "E", "sources": []},
    },
    "raised_at": "2026-04-20T23:41:07Z",
    "told_at": "2026-04-20T23:40:55Z",
    "acknowledge_by": "2026-04-20T23:56:07Z",
    "next_escalation_at": "2026-04-20T23:56:07Z",
    "level": 1,
    "withdrawn_at": None,
    "owner_id": None,
    "acknowledged_at": None,
    "acknowledged_by": None,
    "closed_at": None,
    "closed_by": None,
    "outcome": None,
    "version": 1,
}
ALERTS: dict[str, Any] = {"items": [_ALERT], "next": None}
_LINE: dict[str, Any] = {"made_by": None, "method": None, "is_reached": None, "note": None}
ALERT: dict[str, Any] = _ALERT | {
    "log": [
        {"id": "01kpn2m9xj8q4t6w0y3z7a1b2c", "line": "raised", "made_at": "2026-04-20T23:41:07Z", "about": {}, **_LINE},
        {
            "id": "01kpn2m9xj8q4t6w0y3z7a1b2d",
            "line": "called",
            "made_at": "2026-04-20T23:41:07Z",
            "about": {"call": 1, "level": 1, "staff_id": "01kp4t7c2e5h8m1q4s7v0x3z6b"},
            **_LINE,
        },
    ],
    "messages": [
        {
            "call": 1,
            "step": 0,
            "decided_at": "2026-04-20T23:41:09Z",
            "kind": "sent",
            "reason": None,
            "channel": "sms",
            "words": "sent by sms",
        }
    ],
}
