"""Examples of the document: a clinic that copies a protocol that ships, changes one day and releases it."""

from typing import Any

COPY: dict[str, Any] = {"version": 1, "id": "hudson-disc"}
DRAFT: dict[str, Any] = {
    "id": "hudson-disc",
    "version": 1,
    "digest": "0f5c2f1f8e9e4c1bb1b74d9a4f8f0a7c6e4b5f0e3e2d1c0b9a8f7e6d5c4b3a29",
    "title": "Lumbar microdiscectomy, minimally invasive",
    "status": "draft",
    "state": "draft",
    "procedure": "lumbar_microdiscectomy",
    "approach_class": "miss",
    "approaches": ["tubular", "endoscopic"],
    "min_levels": 1,
    "max_levels": None,
    "signed_by": None,
    "signed_on": None,
    "based_on": "MD-MISS@1",
    "released_at": None,
    "retired_at": None,
}
RELEASED: dict[str, Any] = DRAFT | {
    "status": "signed",
    "state": "released",
    "signed_by": "Dr. Rosa Lindqvist",
    "signed_on": "2026-04-10",
    "released_at": "2026-04-10T15:00:00Z",
}
SIGNED: dict[str, Any] = RELEASED | {"state": "signed", "released_at": None}
RETIRED: dict[str, Any] = RELEASED | {"state": "retired", "retired_at": "2026-09-01T13:00:00Z"}
EDIT: dict[str, Any] = {
    "milestones": {"drive": {"earliest": 14, "target": 21, "latest": 28}},
    "texts": {
        "reminders": {"drive": {"ask": {"en": "Ask us whether you may drive.", "es": "Pregunte si puede conducir."}}}
    },
    "reminders": {"drive": {"ask": {"local_time": "11:00"}}},
}
TOML = """id = "hudson-disc"
version = 1
title = "Lumbar microdiscectomy, minimally invasive"
status = "draft"
# and so on, as the files that ship
"""
DIFF: dict[str, Any] = {
    "older": "MD-MISS@1",
    "newer": "hudson-disc@1",
    "redates": True,
    "changes": [
        {
            "where": "milestones.drive",
            "matter": "days",
            "words": "drive: target 14 -> 21 (window 7-14 -> 14-28), grade B -> E, sources S20 S21 -> none",
        }
    ],
}
FINDINGS: dict[str, Any] = {
    "items": [
        {
            "id": "less_strict:lifting.phases.day_15",
            "code": "less_strict",
            "severity": "warning",
            "where": "lifting.phases.day_15",
            "expected": "at most 20 lb from day 15",
            "got": "25 lb",
        }
    ]
}
SIGN: dict[str, Any] = {"acknowledged": ["less_strict:lifting.phases.day_15"]}
_EPISODE_ID, _TOKEN = "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d", "9f2c" * 16
MIGRATION_REQUESTS: dict[str, Any] = {
    "dry run": {"summary": "Show whom it concerns", "value": {"limit": 50}},
    "apply": {
        "summary": "Move some of them",
        "value": {"apply": [{"episode_id": _EPISODE_ID, "token": _TOKEN}]},
    },
}
MIGRATION_ANSWERS: dict[str, Any] = {
    "dry run": {
        "summary": "Whom it concerns",
        "value": {
            "dry_run": True,
            "episodes": [
                {
                    "episode_id": _EPISODE_ID,
                    "patient_id": "k7Qm2pXcV9sLwRtA",
                    "surgeries": [{"surgery_id": "5d1f0c2a-77f3-4b35-9a3e-1f5c9f0f2f10", "pinned": "MD-MISS@1"}],
                    "redates": False,
                    "milestones": [],
                    "restrictions": [],
                    "reminders": [],
                    "against": [],
                    "error": None,
                    "token": _TOKEN,
                }
            ],
            "next": None,
        },
    },
    "apply": {
        "summary": "What became of each",
        "value": {
            "dry_run": False,
            "results": [{"episode_id": _EPISODE_ID, "outcome": "applied", "answers": {}}],
        },
    },
}
