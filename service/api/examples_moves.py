"""Examples of moves in the document: a date that moves by a week, and a conversion in theatre.

The answers are real ones of a tubular microdiscectomy, of which some items are left out.
"""

from typing import Any, Final

_EPISODE = "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d"
_SURGERY = "9d3c1a52-7f0e-4c0a-8a64-51d6f0a1b2c3"
_STAFF = "p3vX0cQ8"

DATE_MOVED: Final[dict[str, Any]] = {
    "changes": [{"change": "date_moved", "surgery_id": _SURGERY, "surgery_on": "2026-04-21"}],
    "reason": "clinic_schedule",
    "dry_run": True,
}
CONVERTED: Final[dict[str, Any]] = {
    "changes": [{"change": "approach_changed", "surgery_id": _SURGERY, "approach": "open"}],
    "reason": "converted_in_theatre",
    "dry_run": True,
}
TOKEN: Final[dict[str, Any]] = {"token": "AUjx1v0SgkDkWkHq2fQz"}
REQUESTS: Final[dict[str, Any]] = {
    "date_moved": {"summary": "What a week later would do", "value": DATE_MOVED},
    "converted": {"summary": "What a conversion in theatre would do", "value": CONVERTED},
    "apply": {"summary": "Apply what a dry run showed", "value": TOKEN},
}
DATE_MOVED_ANSWER: Final[dict[str, Any]] = {
    "dry_run": True,
    "episode_id": _EPISODE,
    "surgeries": [
        {
            "surgery_id": _SURGERY,
            "changes": ["date_moved"],
            "was": {"surgery_on": "2026-04-14"},
            "becomes": {"surgery_on": "2026-04-21"},
        }
    ],
    "correction": None,
    "milestones": [
        {
            "id": "cyjvkpjvvai6u5q2eglbchmn2tfq7f6b",
            "surgery_id": _SURGERY,
            "key": "walk30",
            "kind": "walk30",
            "stage": 1,
            "phase": "after_surgery",
            "change": "moved",
            "earliest_on": "2026-04-28",
            "target_on": "2026-05-05",
            "latest_on": "2026-05-12",
            "eligible_on": "2026-05-05",
            "was_earliest_on": "2026-04-21",
            "was_target_on": "2026-04-28",
            "was_latest_on": "2026-05-05",
            "was_eligible_on": "2026-04-28",
            "binding_procedure": "lumbar_microdiscectomy",
            "binding_stage": 1,
            "superseded_on": None,
            "superseded_by": None,
            "past_policy": None,
            "cancel_reason": None,
        },
        {
            "id": "wttp7srzogjqmrp45pxyprkbmplhvvff",
            "surgery_id": _SURGERY,
            "key": "drive",
            "kind": "drive",
            "stage": 1,
            "phase": "after_surgery",
            "change": "moved",
            "earliest_on": "2026-04-28",
            "target_on": "2026-05-05",
            "latest_on": "2026-05-05",
            "eligible_on": "2026-05-05",
            "was_earliest_on": "2026-04-21",
            "was_target_on": "2026-04-28",
            "was_latest_on": "2026-04-28",
            "was_eligible_on": "2026-04-28",
            "binding_procedure": "lumbar_microdiscectomy",
            "binding_stage": 1,
            "superseded_on": None,
            "superseded_by": None,
            "past_policy": None,
            "cancel_reason": None,
        },
    ],
    "restrictions": [
        {
            "id": "s6hsnc3t7xbupa3m5isxlc76ccrz2t6b",
            "surgery_id": _SURGERY,
            "kind": "lifting",
            "stage": 1,
            "sequence": 1,
            "change": "moved",
            "limit_lb": 10,
            "limit_minutes": None,
            "from_on": "2026-04-21",
            "through_on": "2026-05-05",
            "eligible_on": None,
            "was_from_on": "2026-04-14",
            "was_through_on": "2026-04-28",
            "was_eligible_on": None,
            "was_limit_lb": 10,
            "was_limit_minutes": None,
            "lifted_by": None,
            "lifted_by_stage": None,
            "binding_procedure": "lumbar_microdiscectomy",
            "binding_stage": 1,
            "cancel_reason": None,
        }
    ],
    "reminders": [
        {
            "id": "srcq2ct3ldwbfkvjidd4a34yum7smv42",
            "milestone_id": "cyjvkpjvvai6u5q2eglbchmn2tfq7f6b",
            "milestone_key": "walk30",
            "stage": 1,
            "key": "goal",
            "repeat": 0,
            "category": "activity",
            "change": "moved",
            "scheduled_on": "2026-05-05",
            "due_at": "2026-05-05T13:00:00Z",
            "was_scheduled_on": "2026-04-28",
            "was_due_at": "2026-04-28T13:00:00Z",
            "reason": None,
            "past_policy": None,
            "answer": "effective",
            "is_correction": False,
        }
    ],
    "token": "AUjx1v0SgkDkWkHq2fQzr7uQ0a",
    "expires_at": "2026-03-02T16:00:00Z",
    "reason": "clinic_schedule",
    "reason_text": None,
}
CONVERTED_ANSWER: Final[dict[str, Any]] = {
    "dry_run": True,
    "episode_id": _EPISODE,
    "surgeries": [
        {
            "surgery_id": _SURGERY,
            "changes": ["approach_changed"],
            "was": {"approach": "tubular", "approach_class": "miss", "protocol_id": "MD-MISS", "protocol_version": 1},
            "becomes": {"approach": "open", "approach_class": "open", "protocol_id": "MD-OPEN", "protocol_version": 1},
        }
    ],
    "correction": None,
    "milestones": [
        {
            "id": "6eluo2nbgdqes4mwbvk2v5meend3t3s7",
            "surgery_id": _SURGERY,
            "key": "drive",
            "kind": "drive",
            "stage": 1,
            "phase": "after_surgery",
            "change": "moved",
            "earliest_on": "2026-03-09",
            "target_on": "2026-03-16",
            "latest_on": "2026-03-23",
            "eligible_on": "2026-03-16",
            "was_earliest_on": "2026-03-02",
            "was_target_on": "2026-03-09",
            "was_latest_on": "2026-03-09",
            "was_eligible_on": "2026-03-09",
            "binding_procedure": "lumbar_microdiscectomy",
            "binding_stage": 1,
            "superseded_on": None,
            "superseded_by": None,
            "past_policy": None,
            "cancel_reason": None,
        }
    ],
    "restrictions": [
        {
            "id": "cwnhnpgpa6zldkkll45l34y4r5jipeed",
            "surgery_id": _SURGERY,
            "kind": "lifting",
            "stage": 1,
            "sequence": 2,
            "change": "moved",
            "limit_lb": 15,
            "limit_minutes": None,
            "from_on": "2026-03-10",
            "through_on": "2026-04-06",
            "eligible_on": None,
            "was_from_on": "2026-03-10",
            "was_through_on": "2026-03-23",
            "was_eligible_on": None,
            "was_limit_lb": 20,
            "was_limit_minutes": None,
            "lifted_by": None,
            "lifted_by_stage": None,
            "binding_procedure": "lumbar_microdiscectomy",
            "binding_stage": 1,
            "cancel_reason": None,
        }
    ],
    "reminders": [
        {
            "id": "ot7wlaoaltvem5u5f5vg22m4zikx7cww",
            "milestone_id": "6eluo2nbgdqes4mwbvk2v5meend3t3s7",
            "milestone_key": "drive",
            "stage": 1,
            "key": "ask",
            "repeat": 0,
            "category": "clearance",
            "change": "moved",
            "scheduled_on": "2026-03-16",
            "due_at": "2026-03-16T14:00:00Z",
            "was_scheduled_on": "2026-03-09",
            "was_due_at": "2026-03-09T14:00:00Z",
            "reason": None,
            "past_policy": None,
            "answer": "effective",
            "is_correction": False,
        }
    ],
    "token": "AUjx1v0SgkDkWkHq2fQzr7uQ0a",
    "expires_at": "2026-03-02T16:00:00Z",
    "reason": "converted_in_theatre",
    "reason_text": None,
}
APPLIED_ANSWER: Final[dict[str, Any]] = {
    "dry_run": False,
    "episode_id": _EPISODE,
    "surgeries": [
        {
            "surgery_id": _SURGERY,
            "changes": ["date_moved"],
            "was": {"surgery_on": "2026-04-14"},
            "becomes": {"surgery_on": "2026-04-21"},
        }
    ],
    "correction": None,
    "id": "fgcdc235ke6s3aijvhldpjxw3gi6bsau",
    "reason": "clinic_schedule",
    "reason_text": None,
    "changed_by": _STAFF,
    "changed_at": "2026-03-02T15:00:00Z",
    "answers": [{"reminder_id": "2g72vx3apy3pk72gxfr2exwtfrpnucjh", "answer": "effective"}],
    "rev": 5,
}
ANSWERS: Final[dict[str, Any]] = {
    "date_moved": {"summary": "A week later: a few of its items", "value": DATE_MOVED_ANSWER},
    "converted": {"summary": "Converted to open: a few of its items", "value": CONVERTED_ANSWER},
    "applied": {"summary": "What was done, and what became of each reminder", "value": APPLIED_ANSWER},
}
HISTORY: Final[dict[str, Any]] = {"items": [APPLIED_ANSWER], "next": None}
