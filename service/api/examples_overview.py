"""Example of the document: a made-up clinic at one glance."""

from typing import Any

_WAITS: dict[str, Any] = {
    "urgency": "emergency_department",
    "within_minutes": 15,
    "default_minutes": 15,
    "grade": "E",
    "waiting": 1,
    "waiting_since": "2026-04-22T12:41:00Z",
    "overdue": 1,
    "in_hand": 2,
    "raised": 9,
    "in_time": 7,
    "median_minutes": 6.5,
}
OVERVIEW: dict[str, Any] = {
    "as_of": "2026-04-22",
    "own_caseload": False,
    "smallest_cell": 5,
    "volumes": {
        "months": ["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"],
        "operations": [{"procedure": "tlif", "approach_class": "miss", "counts": [7, 9, None, 8, 11, 6]}],
        "active": 184,
        "paused": None,
    },
    "adherence": {
        "since": "2026-03-25",
        "until": "2026-04-21",
        "check_ins": {"done": 412, "asked": 530, "share": 0.7774, "low": 0.7401, "high": 0.8107, "grade": "E"},
        "milestones": {"done": 61, "asked": 80, "share": 0.7625, "low": 0.6586, "high": 0.8423, "grade": "D"},
        "questionnaires": {"done": None, "asked": 12, "share": None, "low": None, "high": None, "grade": "D"},
    },
    "alerts": {"since": "2026-03-25T13:01:14Z", "by_urgency": [_WAITS]},
    "monitored_until": "2026-04-22T22:00:00Z",
    "delivery": {
        "status": "late",
        "causes": [{"code": "delivery_overdue", "seconds": 74, "count": None}],
        "judged_at": "2026-04-22T13:01:14Z",
        "since": "2026-04-15T13:01:14Z",
        "ended": [
            {"kind": "sent", "reason": None, "channel": "email", "count": 1480},
            {"kind": "suppressed", "reason": "no_channel", "channel": None, "count": 4},
        ],
        "due": 4,
        "due_since": "2026-04-22T13:00:00Z",
        "held": 0,
    },
    "night": {
        "ran_at": "2026-04-22T03:00:04Z",
        "is_late": False,
        "findings": [{"invariant": "nothing_sent_twice", "checked": 214, "violations": 0}],
        "proved_links": 90211,
    },
}
