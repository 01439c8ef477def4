"""Examples of the document: a made-up coordinator covers for a colleague."""

from typing import Any

WANTED: dict[str, Any] = {
    "mrn": "SP000417",
    "date_of_birth": "1971-02-28",
    "reason": "covering",
    "note": "She calls about her dressing; Casey is away.",
}
OPENED: dict[str, Any] = {
    "id": "01kprw5h2m7w4y6a8c0e2g5j7k",
    "patient_id": "01kprw5h2m7a1b2c3d4e5f6g7h",
    "opened_at": "2026-04-22T13:00:00Z",
    "expires_at": "2026-04-22T14:00:00Z",
}
REVIEWED: dict[str, Any] = OPENED | {
    "staff_id": "01kprw5h2m7s9t1v3x5z8b0c4d",
    "name": "Dana Reyes",
    "reason": "covering",
    "note": "She calls about her dressing; Casey is away.",
    "reviewed_at": None,
    "reviewed_by": None,
    "notices": [
        {
            "staff_id": "01kprw5h2m7k4m6n8p0q2r4s6t",
            "name": "Robin Ortega",
            "state": "sent",
            "reason": None,
            "finished_at": "2026-04-22T13:00:02Z",
        }
    ],
}
LISTED: dict[str, Any] = {"items": [REVIEWED], "next": None}
