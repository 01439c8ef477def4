"""Examples of the document: a made-up clinic and what it sets."""

from typing import Any

WORK_TABLE: dict[str, Any] = {
    "sources": ["S107", "S108", "S110"],
    "sedentary": {"milestone": "rtw_sed", "eligible_by": "occasional_limit", "occasional": {"to_lb": 10}},
    "light": {
        "milestone": "rtw_light",
        "eligible_by": "occasional_limit",
        "occasional": {"over_lb": 11, "to_lb": 25},
        "frequent": {"to_lb": 10},
    },
    "medium": {
        "milestone": "rtw_med",
        "eligible_by": "occasional_limit",
        "occasional": {"over_lb": 25, "to_lb": 50},
        "frequent": {"over_lb": 10, "to_lb": 25},
        "constant": {"to_lb": 10},
    },
    "heavy": {
        "milestone": "rtw_heavy",
        "eligible_by": "unrestricted",
        "occasional": {"over_lb": 50, "to_lb": 75},
        "frequent": {"over_lb": 25, "to_lb": 50},
        "constant": {"over_lb": 10, "to_lb": 20},
    },
    "very_heavy": {
        "milestone": "rtw_very_heavy",
        "eligible_by": "surgeon",
        "occasional": {"over_lb": 75},
        "frequent": {"over_lb": 50},
        "constant": {"over_lb": 20},
    },
}
PRACTICE_CHANGE: dict[str, Any] = {
    "phone": "+12125550100",
    "closed_on": ["2026-11-27"],
    "holiday_calendar": "US-NY",
    "work_table": WORK_TABLE,
}
PRACTICE: dict[str, Any] = {
    "id": "hudson",
    "name": "Hudson Spine Clinic",
    "country": "US",
    "time_zone": "America/New_York",
    "phone": "+12125550100",
    "closed_on": ["2026-11-27"],
    "holiday_calendar": "US-NY",
    "opioid_free_hours": None,
    "own_caseload_only": False,
    "records_kept_years": 7,
    "workers_comp_percent": 100,
    "work_table": WORK_TABLE,
    "webhook_url": None,
    "has_webhook_secret": False,
    "episodes_to_rebuild": 412,
}
RHYTHM: dict[str, Any] = {
    "phases": [
        {"through_day": 14, "times_a_week": 7},
        {"through_day": 42, "times_a_week": 2},
        {"through_day": 90, "times_a_week": 1},
    ],
    "red_flags_through_day": 3,
    "call_days": [1, 3],
}
RHYTHM_ANSWER: dict[str, Any] = RHYTHM | {
    "is_set": True,
    "is_planned": False,
    "from_on": "2026-03-03",
    "grade": "E",
    "default": RHYTHM,
}
