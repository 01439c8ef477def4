"""Examples of visits: made-up, as the API answers them."""

from typing import Any

VISIT: dict[str, Any] = {
    "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
    "milestone_id": "2dzqjlm3z7py2fo7safd7uksefneinsh",
    "kind": "imaging",
    "state": "booked",
    "booked_for": "2026-05-26T14:00:00Z",
    "note": None,
}
STORED: dict[str, Any] = VISIT | {"id": "Zq3MdIATlIFVMwSK", "rev": 61}
VISITS: dict[str, Any] = {"items": [STORED]}
