"""Examples of questionnaires and scores: made-up answers, as the API answers them."""

from typing import Any

_OSTELO = {
    "id": "S114",
    "citation": "Ostelo RWJG et al. 2008 Spine 33:90-94",
    "address": "metajournal.com",
    "mark": "SEEN",
    "remark": None,
}
_PUBLISHED: list[dict[str, Any]] = [
    {"amount": 5, "is_percent": False, "grade": "C", "sources": [_OSTELO]},
    {"amount": 30, "is_percent": True, "grade": "C", "sources": [_OSTELO]},
]
_RMDQ = {"measure": "rmdq", "lowest": 0, "highest": 24, "unit": "points", "is_higher_better": False}
QUESTIONNAIRES: dict[str, Any] = {
    "items": [
        {
            "instrument": "rmdq",
            "parts": ["ticked"],
            "licence": "Free in its published form, without permission (S126).",
            "instruction": "When your back hurts, you may find it difficult to do some of the things you normally do.",
            "items": ["I stay at home most of the time because of my back."],
            "measures": [_RMDQ | {"important_changes": [each | {"procedures": []} for each in _PUBLISHED]}],
        }
    ]
}
SCORES: dict[str, Any] = {
    "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
    "as_of": "2026-04-28",
    "first_surgery_on": "2026-04-14",
    "measures": [
        _RMDQ
        | {
            "baseline_id": "k7Qm2pXcV9sLwRtA",
            "points": [
                {
                    "answer_id": "k7Qm2pXcV9sLwRtA",
                    "milestone_id": "jalq3sww6xmy26rg6eivay6ooasfjfez",
                    "answered_at": "2026-03-31T08:30:00Z",
                    "on": "2026-03-31",
                    "pod": -14,
                    "value": 15,
                    "not_scored": None,
                    "improved_by": None,
                    "improved_percent": None,
                    "important_changes": [],
                },
                {
                    "answer_id": "Zq3MdIATlIFVMwSK",
                    "milestone_id": "2dzqjlm3z7py2fo7safd7uksefneinsh",
                    "answered_at": "2026-04-28T08:30:00Z",
                    "on": "2026-04-28",
                    "pod": 14,
                    "value": 9,
                    "not_scored": None,
                    "improved_by": 6,
                    "improved_percent": 40,
                    "important_changes": [each | {"is_reached": True} for each in _PUBLISHED],
                },
            ],
        }
    ],
    "due": [
        {
            "milestone_id": "2dzqjlm3z7py2fo7safd7uksefneinsh",
            "key": "prom_2wk",
            "stage": 1,
            "opens_on": "2026-04-24",
            "due_on": "2026-04-28",
            "closes_on": "2026-05-05",
            "answered": ["rmdq"],
            "unanswered": ["nrs"],
        }
    ],
}
