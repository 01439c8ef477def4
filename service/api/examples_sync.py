"""Examples of the document: what merging left behind, and how a device finds that it has drifted."""

from typing import Any

CONFLICTS: dict[str, Any] = {
    "items": [
        {
            "id": "4f1d2c0b9a8e7f6d5c4b3a29180706f5e4d3c2b1",
            "patient_id": "k7Qm2pXcV9sLwRtA",
            "collection": "milestone_progress",
            "row_id": "9c1e7a52b40d4f7a8e3b6c2d1f0a5b4c",
            "happened_at": "2026-04-29T17:20:11Z",
            "lost_by": "patient",
            "kept": {"achieved_on": "2026-04-27", "note": None, "skip_reason": None},
            "lost": {"achieved_on": "2026-04-29", "note": "Half an hour, no stick", "skip_reason": None},
            "state": "open",
            "resolution": None,
            "resolved_at": None,
            "resolved_by": None,
        }
    ],
    "next": None,
}
RESOLVE: dict[str, Any] = {"keep": "lost"}
REFUSED_ROWS: dict[str, Any] = {
    "items": [
        {
            "id": "b7a6958473625140f1e2d3c4b5a69788796a5b4c",
            "patient_id": "k7Qm2pXcV9sLwRtA",
            "actor_id": "01kprw5h2m7s9t1v3x5z8b0c4d",
            "collection": "milestone_progress",
            "row_id": "2b8d4f6a1c3e5079a9b7c5d3e1f0a2b4",
            "refused_at": "2026-04-29T17:20:11Z",
            "reason": "lifts_a_restriction",
            "content": {"achieved_on": "2026-04-29", "note": None, "skip_reason": None},
            "state": "open",
            "done_at": None,
            "done_by": None,
        }
    ],
    "next": None,
}
VERSIONS: dict[str, Any] = {
    "items": [
        {
            "id": "01kprw5h2m7w4y6a8c0e2g5j7k",
            "replaced_at": "2026-04-20T09:02:40Z",
            "replaced_by": "patient",
            "content": {"pain": 4, "note": "Slept badly"},
        }
    ],
    "next": None,
}
DIGEST: dict[str, Any] = {
    "cursor": 4711,
    "schema_version": 1,
    "collections": {
        "milestones": {"count": 80, "digest": 1234567},
        "check_ins": {"count": 12, "digest": 987654321},
    },
}
DIGEST_ANSWER: dict[str, Any] = {"state": "differs", "collections": ["milestones"]}
