"""Examples of moves in the document: a date that moves by a week, and a conversion in theatre."""

from typing import Any, Final

_SURGERY = "9d3c1a52-7f0e-4c0a-8a64-51d6f0a1b2c3"

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
ANSWERS: Final[dict[str, Any]] = {}
