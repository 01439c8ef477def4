"""Examples of the document for personal items: what a clinician enters, and how it is answered."""

from typing import Any

SLOT_ENTRY: dict[str, Any] = {
    "due_on": "2026-04-07",
    "instruction": "Last dose of the blood thinner on Monday evening.",
}
SLOT_SIGNATURE: dict[str, Any] = {"rev": 41}
SLOT: dict[str, Any] = {
    "milestone_id": "jalq3sww6xmy26rg6eivay6ooasfjfez",
    "kind": "medicines_pause",
    "state": "filled",
    "is_stale": False,
    "day0": "2026-04-14",
    "for_day0": "2026-04-14",
    "due_on": "2026-04-07",
    "instruction": "Last dose of the blood thinner on Monday evening.",
    "note": "Do not stop or restart by yourself; your dates: Dr. Noor Haddad",
    "entered_by": "Dr. Noor Haddad",
    "entered_at": "2026-04-01T14:05:00Z",
    "signed_by": None,
    "signed_at": None,
    "rev": 41,
}
SIGNED_SLOT: dict[str, Any] = SLOT | {
    "kind": "fasting",
    "due_on": None,
    "instruction": "No solid food after midnight. Clear fluids until you leave home at 05:00.",
    "note": None,
    "signed_by": "Dr. Ines Marchetti",
    "signed_at": "2026-04-02T09:30:00Z",
    "rev": 44,
}
SLOT_TAKEN_AWAY: dict[str, Any] = dict.fromkeys(SLOT) | {
    "milestone_id": "jalq3sww6xmy26rg6eivay6ooasfjfez",
    "kind": "medicines_pause",
    "state": "blank",
    "is_stale": False,
    "day0": "2026-04-14",
    "note": "Do not stop or restart by yourself.",
}
