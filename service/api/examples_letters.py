"""Examples of releases and letters for the document."""

from typing import Any, Final

RELEASE: Final[dict[str, Any]] = {
    "episode_id": "01JZK4E1",
    "recipient": "carrier",
    "name": "Hudson Mutual Insurance",
    "address": "1 Broad Street\nAlbany, NY 12207",
    "claim_number": "WC-2026-00417",
    "injured_on": "2026-01-12",
    "tells_diagnosis": False,
    "signed_on": "2026-02-20",
    "valid_through_on": "2026-08-20",
}
RELEASE_VIEW: Final[dict[str, Any]] = RELEASE | {
    "id": "release-1",
    "recorded_at": "2026-02-20T15:00:00Z",
    "recorded_by": "01JZK4S1",
    "revoked_at": None,
    "revoked_by": None,
    "is_valid": True,
}
RELEASES: Final[dict[str, Any]] = {"items": [RELEASE_VIEW], "next": None}
LETTER: Final[dict[str, Any]] = {"episode_id": "01JZK4E1", "release_id": "release-1", "language": "en"}
LETTER_VIEW: Final[dict[str, Any]] = LETTER | {
    "id": "letter-1",
    "number": 1,
    "recipient": "carrier",
    "status": "with_restrictions",
    "status_on": "2026-03-02",
    "state": "current",
    "made_at": "2026-03-02T15:00:00Z",
    "made_by": "01JZK4S1",
    "pdf_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
LETTERS: Final[dict[str, Any]] = {"items": [LETTER_VIEW], "next": None}
