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
