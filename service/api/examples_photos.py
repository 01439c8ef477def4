"""Examples of photos of wounds: made-up, as the API answers them."""

from typing import Any

PHOTO: dict[str, Any] = {
    "id": "Zq3MdIATlIFVMwSK",
    "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
    "taken_at": "2026-04-18T08:30:00Z",
    "received_at": "2026-04-18T08:31:12Z",
    "reported_by": "patient",
    "width": 1600,
    "height": 1200,
    "size_bytes": 284113,
    "rev": 64,
}
PHOTOS: dict[str, Any] = {"items": [PHOTO]}
