"""Examples of the document: a clinic edits a card, a clinician signs it, a patient reads it."""

from typing import Any

_TEXT: dict[str, Any] = {
    "title": "Lifting a child",
    "statements": [
        {"text": "A child is weight too: the lifting limit of your plan counts.", "grade": "E", "sources": []}
    ],
}
EDIT: dict[str, Any] = _TEXT | {"from_day": 0, "through_day": 365, "is_shown": True}
_SIGNED: dict[str, Any] = EDIT | {
    "version": 1,
    "status": "signed",
    "edited_by": "Dr. Rosa Lindqvist",
    "edited_at": "2026-04-10T14:55:00Z",
    "signed_by": "Dr. Rosa Lindqvist",
    "signed_on": "2026-04-10",
}
CARD: dict[str, Any] = {
    "id": "lifting_a_child",
    "language": "en",
    "procedures": [],
    "approach_classes": [],
    "newest": _SIGNED,
    "in_use": _SIGNED,
}
CARDS: dict[str, Any] = {"items": [CARD], "next": None}
VERSIONS: dict[str, Any] = {"items": [_SIGNED], "next": None}
TODAY: dict[str, Any] = {
    "on": "2026-04-20",
    "language": "en",
    "items": [
        _TEXT
        | {
            "id": "lifting_a_child",
            "version": 1,
            "status": "signed",
            "signed_by": "Dr. Rosa Lindqvist",
            "signed_on": "2026-04-10",
        }
    ],
}
