"""Examples of the document: a made-up patient's record as a whole, and its erasure."""

from typing import Any

RECORD: dict[str, Any] = {
    "format": "recovery-record-1",
    "exported_at": "2026-04-22T13:01:14Z",
    "practice": {
        "id": "hudson",
        "name": "Hudson Spine Clinic",
        "country": "US",
        "time_zone": "America/New_York",
        "phone": "+12125550100",
    },
    "patient_id": "p7Qm2pXcV9sLwRtA",
    "tables": {
        "patient": [{"id": "p7Qm2pXcV9sLwRtA", "mrn": "SP000017", "given_name": "Alex", "email": "alex@example.org"}],
        "check_in": [{"id": "k7Qm2pXcV9sLwRtA", "pain": 4, "note": "Walked to the corner and back."}],
    },
    "access_log": [{"id": "01kprw5h2m7w4y6a8c0e2g5j7k", "happened_at": "2026-04-22T13:01:14Z", "kind": "read"}],
    "left_out": {"enrolment_code": "a hashed secret"},
}
ERASE: dict[str, Any] = {"reason": "asked_by_patient", "override_reason": None, "dry_run": True}
ERASURE: dict[str, Any] = {
    "patient_id": "p7Qm2pXcV9sLwRtA",
    "dry_run": True,
    "erased_at": None,
    "holds": ["retention_not_over"],
    "tables": [
        {"table": "patient", "fate": "blanked", "rows": 1},
        {"table": "check_in", "fate": "blanked", "rows": 12},
        {"table": "inbound_message", "fate": "removed", "rows": 1},
    ],
}
HOLD_REASON: dict[str, Any] = {"reason": "legal_claim"}
HOLD: dict[str, Any] = {
    "id": "01kprw5h2m7w4y6a8c0e2g5j7k",
    "patient_id": "p7Qm2pXcV9sLwRtA",
    "reason": "legal_claim",
    "placed_at": "2026-04-22T13:01:14Z",
    "placed_by": "s7Qm2pXcV9sLwRtA",
    "ended_at": None,
    "ended_by": None,
}
HOLD_ENDED: dict[str, Any] = HOLD | {"ended_at": "2027-04-22T13:01:14Z", "ended_by": "s7Qm2pXcV9sLwRtA"}
HOLDS: dict[str, Any] = {"items": [HOLD]}
DOUBLES: dict[str, Any] = {
    "items": [{"patient_ids": ["k7Qm2pXcV9sLwRtA", "p7Qm2pXcV9sLwRtA"], "grounds": ["born_and_named_alike"]}],
    "has_more": False,
}
MERGE: dict[str, Any] = {
    "absorbed_id": "k7Qm2pXcV9sLwRtA",
    "choices": [{"fact": "phone", "stands": "absorbed"}],
    "confirm_birth_dates": False,
    "dry_run": True,
}
MERGE_REQUESTS: dict[str, Any] = {
    "shown": {"summary": "What a merge would do", "value": MERGE},
    "apply": {"summary": "Do what a dry run showed", "value": {"token": "AUjx1v0SgkDkWkHq2fQz"}},
}
_MERGED: dict[str, Any] = {
    "patient_id": "p7Qm2pXcV9sLwRtA",
    "absorbed_id": "k7Qm2pXcV9sLwRtA",
    "choices": [{"fact": "phone", "stands": "absorbed"}],
    "moved": [{"table": "check_in", "rows": 12}, {"table": "episode", "rows": 1}],
    "ended": [{"table": "device", "rows": 1}],
    "labels": [{"episode_id": "e7Qm2pXcV9sLwRtA", "label": "E1-2"}],
    "messages": [{"reminder_id": "cyjvkpjvvai6u5q2eglbchmn2tfq7f6b", "becomes": "withdrawn"}],
}
MERGE_ANSWERS: dict[str, Any] = {
    "shown": {
        "summary": "What would become of two records",
        "value": _MERGED
        | {
            "dry_run": True,
            "facts": [
                {
                    "fact": "phone",
                    "survivor": {"phone": "+12125550101"},
                    "absorbed": {"phone": "+12125550102"},
                    "stands": "absorbed",
                }
            ],
            "kept_messages": 31,
            "token": "AUjx1v0SgkDkWkHq2fQz",
            "expires_at": "2026-04-22T14:01:14Z",
        },
    },
    "applied": {
        "summary": "What became of them",
        "value": _MERGED
        | {
            "dry_run": False,
            "id": "cyjvkpjvvai6u5q2eglbchmn2tfq7f6b",
            "merged_by": "s7Qm2pXcV9sLwRtA",
            "merged_at": "2026-04-22T13:01:14Z",
        },
    },
}
