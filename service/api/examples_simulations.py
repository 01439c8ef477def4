"""Examples of the document: a simulation of one surgery over three days, as asked for and as answered."""

from typing import Any

SIMULATION: dict[str, Any] = {
    "stages": [{"procedure": "tlif", "approach_class": "miss", "levels": 1, "surgery_on": "2026-03-02"}],
    "enrolled_at": "2026-02-16T17:00:00Z",
    "from_on": "2026-03-22",
    "days": 3,
    "patient": {
        "time_zone": "America/Los_Angeles",
        "quiet_from": "21:00",
        "quiet_until": "09:30",
        "channels": ["push", "email"],
        "work_class": "heavy",
    },
}

SIMULATION_ANSWER: dict[str, Any] = {
    "simulations": [
        {
            "protocols": [
                {
                    "id": "TLIF-MISS",
                    "version": 1,
                    "digest": "cc7660337c40032f876fa376b13afbb2ebbd8bff0ebb583e671d3f1cc2e7b78b",
                    "title": "TLIF, minimally invasive",
                    "status": "draft",
                    "procedure": "tlif",
                    "approach_class": "miss",
                }
            ],
            "days": [
                {
                    "on": "2026-03-23",
                    "pods": {"1": 21},
                    "is_closed": False,
                    "lifting_lb": 10,
                    "milestones": [
                        {"event": "target", "stage": 1, "key": "drive", "lifts": "driving", "grade": "B"},
                        {"event": "eligible", "stage": 1, "key": "drive", "lifts": "driving", "grade": "B"},
                    ],
                    "limits": [
                        {
                            "event": "may_end",
                            "stage": 1,
                            "kind": "driving",
                            "sequence": 1,
                            "limit_lb": None,
                            "limit_minutes": None,
                            "through_on": None,
                            "lifted_by": "drive",
                            "grade": "B",
                        }
                    ],
                    "messages": [
                        {
                            "stage": 1,
                            "milestone_key": "walk30",
                            "reminder_key": "goal",
                            "category": "activity",
                            "local_at": "2026-03-23T09:30:00-07:00",
                            "due_at": "2026-03-23T16:30:00Z",
                            "past_policy": None,
                            "text": {
                                "en": "Are you walking about 30 minutes a day in all? Tell us how it goes.",
                                "es": "¿Camina en total unos 30 minutos al día? Cuéntenos cómo va.",
                            },
                            "channels": ["push", "email"],
                            "shifts": [{"reason": "quiet_hours", "instead_of": "2026-03-23T16:00:00Z"}],
                        },
                        {
                            "stage": 1,
                            "milestone_key": "drive",
                            "reminder_key": "ask",
                            "category": "clearance",
                            "local_at": "2026-03-23T10:00:00-07:00",
                            "due_at": "2026-03-23T17:00:00Z",
                            "past_policy": None,
                            "text": {
                                "en": "Ask whether you may drive. Never while taking "
                                "strong pain medicine or sedatives.",
                                "es": "Pregunte si puede conducir. Nunca mientras tome analgésicos fuertes o sedantes.",
                            },
                            "channels": ["push", "email"],
                            "shifts": [],
                        },
                    ],
                }
            ],
            "not_sent": [
                {
                    "stage": 1,
                    "milestone_key": "fasting",
                    "reminder_key": "evening",
                    "scheduled_on": "2026-03-01",
                    "outcome": "not_signed",
                }
            ],
        }
    ],
    "compared": [
        {"name": "driving", "is_limit": False, "differs": False, "words": ["21 (14 to 28)"], "grades": ["B"]},
        {"name": "lifting limit 1", "is_limit": True, "differs": False, "words": ["10 lb, 0 to 42"], "grades": ["E"]},
    ],
}
