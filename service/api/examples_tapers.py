"""Examples of opioid tapers: made-up figures."""

from typing import Any

_EPISODE = "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d"
_STEPS = [{"from_on": "2026-04-15", "most_mme_tenths": 300}, {"from_on": "2026-04-20", "most_mme_tenths": 150}]
TAPER: dict[str, Any] = {"episode_id": _EPISODE, "mme_tenths_per_dose": 75, "steps": _STEPS}
STORED: dict[str, Any] = TAPER | {
    "id": "Zq3MdIATlIFVMwSK",
    "entered_by": "c1f0a2d4e6b8",
    "entered_at": "2026-04-14T16:00:00Z",
    "rev": 57,
}
EPISODE_TAPER: dict[str, Any] = {
    "episode_id": _EPISODE,
    "taper": STORED,
    "days": [{"on": "2026-04-20", "doses": 3, "mme_tenths": 225, "most_mme_tenths": 150, "is_above": True}],
}
