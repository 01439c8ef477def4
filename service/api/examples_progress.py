"""Examples of progress and work status: made-up, as the API answers them."""

from typing import Any

PROGRESS: dict[str, Any] = {
    "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
    "as_of": "2026-05-11",
    "goes_on": True,
    "stages": [{"stage": 1, "surgery_on": "2026-04-14", "pod": 27}],
    "adherence": {
        "counted": 4,
        "done_in_time": 2,
        "done_late": 1,
        "not_done": 1,
        "done_percent": 75,
        "in_time_percent": 50,
    },
    "behind": [
        {
            "milestone_id": "jalq3sww6xmy26rg6eivay6ooasfjfez",
            "key": "walk30",
            "kind": "walk30",
            "stage": 1,
            "patient_text": {"en": "Talk to us", "es": "Hable con nosotros"},
            "closed_on": "2026-05-05",
            "since_on": "2026-05-06",
            "days": 6,
            "rule": "after_latest_day",
        }
    ],
    "waiting_for_clinic": [
        {
            "milestone_id": "2dzqjlm3z7py2fo7safd7uksefneinsh",
            "key": "drive",
            "kind": "drive",
            "stage": 1,
            "patient_text": {"en": "Ask us whether you are ready", "es": "Pregúntenos si ya está preparado"},
            "reason": "to_clear",
            "since_on": "2026-04-28",
            "lifts": "driving",
        }
    ],
    "next": [
        {
            "milestone_id": "p6slw2c4a7c7y5xmp5d3o4bqjz5d3k2a",
            "key": "blt_end",
            "kind": "blt_end",
            "stage": 1,
            "patient_text": {"en": "Not yet: your care team decides", "es": "Todavía no: lo decide su equipo médico"},
            "due_on": "2026-05-12",
            "lifts": "bending_twisting",
        }
    ],
}
EXERCISES: dict[str, Any] = {
    "episode_id": "k7Qm2pXcV9sLwRtA",
    "as_of": "2026-03-02",
    "days_told": 6,
    "items": [
        {
            "key": "walk",
            "phase": "protect",
            "text": {"en": "I walked a little, several times.", "es": "Caminé un poco, varias veces."},
            "grade": "E",
            "sources": ["S56", "S57"],
            "days_done": 5,
        }
    ],
}
