"""Examples of the document: a made-up clinic's outcomes."""

from typing import Any

_NOTE = {
    "en": "Not adjusted, not proof: who was chosen for which approach differs.",
    "es": "Sin ajustar, no es una prueba: difiere quién fue elegido para cada abordaje.",
}
BAND: dict[str, Any] = {
    "procedure": "lumbar_microdiscectomy",
    "approach_class": "miss",
    "as_of": "2026-04-22",
    "grade": "D",
    "note": _NOTE,
    "courses": 58,
    "pain": [{"first_day": 0, "count": 51, "low": 4.5, "median": 6.0, "high": 7.25}],
    "walking": [{"first_day": 0, "count": 49, "low": 8.0, "median": 12.5, "high": 17.0}],
}
MILESTONE: dict[str, Any] = {
    "procedure": "tlif",
    "kind": "drive",
    "as_of": "2026-04-22",
    "grade": "D",
    "note": _NOTE,
    "smallest_group": 20,
    "smallest_cell": 5,
    "groups": [
        {
            "approach_class": "miss",
            "count": 40,
            "reached": 33,
            "median_days": {"day": 24, "low": 21, "high": 28},
            "points": [
                {"day": 14, "at_risk": 40, "share": 0.05, "low": 0.0127, "high": 0.1855},
                {"day": 21, "at_risk": 36, "share": 0.3139, "low": 0.1937, "high": 0.4819},
            ],
            "table": [
                {"day": 0, "at_risk": 40, "share": 0.0, "low": None, "high": None},
                {"day": 14, "at_risk": 40, "share": 0.05, "low": 0.0127, "high": 0.1855},
                {"day": 365, "at_risk": None, "share": None, "low": None, "high": None},
            ],
        },
        {
            "approach_class": "open",
            "count": None,
            "reached": None,
            "median_days": {"day": None, "low": None, "high": None},
            "points": [],
            "table": [],
        },
    ],
    "test": None,
    "left_out": {"combined": 0, "not_theirs": 0, "was_past": None},
}
SAFETY: dict[str, Any] = {
    "procedure": "tlif",
    "as_of": "2026-04-22",
    "grade": "D",
    "note": _NOTE,
    "smallest_group": 20,
    "smallest_cell": 5,
    "groups": [
        {
            "approach_class": "miss",
            "count": 140,
            "rates": [
                {
                    "kind": "readmission",
                    "days": 30,
                    "of": 128,
                    "count": 6,
                    "share": 0.0469,
                    "low": 0.0217,
                    "high": 0.0984,
                },
                {
                    "kind": "reoperation",
                    "days": 30,
                    "of": 128,
                    "count": None,
                    "share": None,
                    "low": None,
                    "high": None,
                },
            ],
            "nights": {"count": 131, "low": 1.0, "median": 2.0, "high": 3.0},
            "blood_loss_ml": None,
        }
    ],
}
_ODI_BY_10: dict[str, Any] = {"amount": 10, "is_percent": False, "grade": "C", "sources": ["S114"]}
SCORES: dict[str, Any] = {
    "procedure": "tlif",
    "as_of": "2026-04-22",
    "grade": "D",
    "note": _NOTE,
    "smallest_group": 20,
    "smallest_cell": 5,
    "groups": [
        {
            "approach_class": "miss",
            "count": 140,
            "measures": [
                {
                    "measure": "odi",
                    "lowest": 0,
                    "highest": 100,
                    "unit": "percent",
                    "is_higher_better": False,
                    "important_changes": [_ODI_BY_10 | {"reached_at": 36.0}],
                    "times": [
                        {"day": None, "count": 96, "low": 38.0, "median": 46.0, "high": 54.0, "improved": []},
                        {
                            "day": 90,
                            "count": 71,
                            "low": 14.0,
                            "median": 22.0,
                            "high": 34.0,
                            "improved": [
                                _ODI_BY_10 | {"of": 64, "count": 50, "share": 0.7813, "low": 0.6657, "high": 0.8649},
                            ],
                        },
                    ],
                }
            ],
        }
    ],
}
EVENT: dict[str, Any] = {
    "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
    "kind": "readmission",
    "occurred_on": "2026-04-20",
    "detail": "Fever, wound dry; home after two days.",
}
EVENT_ANSWER: dict[str, Any] = EVENT | {
    "id": "n3Kd8sXq1ZbYwTpL",
    "surgery_id": None,
    "recorded_at": "2026-04-22T13:05:00Z",
}
EVENTS: dict[str, Any] = {"items": [EVENT_ANSWER], "next": None}
