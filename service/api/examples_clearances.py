"""Examples of the document for clearances, clinical facts, limits and signed rules; nobody in them exists."""

from typing import Any

_EPISODE_ID = "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d"
_MILESTONE_ID = "jalq3sww6xmy26rg6eivay6ooasfjfez"
_PATIENT_ID = "k7Qm2pXcV9sLwRtA"
_CLINICIAN_ID = "c2f1a7d0-3d52-4a6e-8a55-0d9be1c4f7a1"

OBSERVATION: dict[str, Any] = {
    "episode_id": _EPISODE_ID,
    "what": "opioid_taken",
    "observed_at": "2026-04-20T21:15:00Z",
}
OBSERVATION_ANSWER: dict[str, Any] = OBSERVATION | {
    "id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "surgery_id": None,
    "recorded_at": "2026-04-21T08:02:00Z",
    "reported_by": "patient",
    "recorded_by": None,
    "rev": 4711,
}
OBSERVATION_PAGE: dict[str, Any] = {"items": [OBSERVATION_ANSWER], "next": None}
CLEAR: dict[str, Any] = {"attested": ["emergency_stop", "no_motor_deficit"]}
REVOKE: dict[str, Any] = {"reason": "New weakness of the right foot."}
_CONDITIONS: list[dict[str, Any]] = [
    {
        "condition": "day_reached",
        "holds": True,
        "ground": "met",
        "rests_on": None,
        "grade": "B",
        "sources": ["S20", "S21"],
    },
    {
        "condition": "off_opioids",
        "holds": True,
        "ground": "met",
        "rests_on": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "grade": "E",
        "sources": [],
    },
    {
        "condition": "emergency_stop",
        "holds": None,
        "ground": "never_recorded",
        "rests_on": None,
        "grade": "E",
        "sources": ["S47", "S48", "S49"],
    },
    {
        "condition": "no_motor_deficit",
        "holds": None,
        "ground": "never_recorded",
        "rests_on": None,
        "grade": "E",
        "sources": [],
    },
]
CLEARANCE: dict[str, Any] = {
    "milestone_id": _MILESTONE_ID,
    "key": "drive",
    "kind": "drive",
    "stage": 1,
    "lifts": "driving",
    "eligible_on": "2026-04-28",
    "by_rule": True,
    "conditions": _CONDITIONS,
    "before": [],
    "history": [
        {
            "id": "019dd4b1-7c00-7000-8000-3f6c2a915e04",
            "cleared_on": "2026-04-28",
            "cleared_at": "2026-04-28T14:30:00Z",
            "cleared_by": _CLINICIAN_ID,
            "rule_id": None,
            "work_class": None,
            "grounds": {
                "day_reached": "met",
                "off_opioids": "met",
                "emergency_stop": "attested:never_recorded",
                "no_motor_deficit": "attested:never_recorded",
            },
            "override": None,
            "revoked_on": None,
            "revoked_at": None,
            "revoked_by": None,
            "revoked_because": None,
        }
    ],
    "reminders": [{"reminder_id": "2dzqjlm3z7py2fo7safd7uksefneinsh", "answer": "effective"}],
}
CLEARANCE_REVOKED: dict[str, Any] = CLEARANCE | {
    "history": [
        CLEARANCE["history"][0]
        | {
            "revoked_on": "2026-05-02",
            "revoked_at": "2026-05-02T09:10:00Z",
            "revoked_by": _CLINICIAN_ID,
            "revoked_because": "New weakness of the right foot.",
        }
    ],
    "reminders": [],
}
RULE: dict[str, Any] = {"milestone_kind": "blt_end", "protocol_id": "MD-MISS"}
RULE_ANSWER: dict[str, Any] = RULE | {
    "id": "rule-bending-md-miss",
    "signed_by": _CLINICIAN_ID,
    "signed_at": "2026-04-01T12:00:00Z",
    "retired_by": None,
    "retired_at": None,
}
RULE_RETIRED: dict[str, Any] = RULE_ANSWER | {"retired_by": _CLINICIAN_ID, "retired_at": "2026-06-01T12:00:00Z"}
RULES: dict[str, Any] = {"items": [RULE_ANSWER], "next": None}


def _limit(state: str, **more: Any) -> dict[str, Any]:
    return {
        "state": state,
        "limit_lb": None,
        "limit_minutes": None,
        "since_on": "2026-04-14",
        "until_on": None,
        "eligible_on": None,
        "lifted_by": None,
        "lifted_by_stage": None,
        "condition": None,
        "cleared_on": None,
        "raised_by": None,
        "binding_procedure": "lumbar_microdiscectomy",
        "binding_stage": 1,
        "grade": "E",
        "sources": [],
        "text": None,
    } | more


_LIFTING = _limit(
    "restricted",
    limit_lb=10,
    until_on="2026-04-28",
    grade="D",
    sources=["S61"],
    text={"en": "Lift no more than 10 lb.", "es": "No levante más de 10 lb."},
)
_DRIVING = _limit("restricted", eligible_on="2026-04-28", lifted_by="drive", lifted_by_stage=1, grade="B")
_NONE = _limit("none", since_on=None, binding_procedure=None, binding_stage=None, grade=None)
_LIMITS: dict[str, Any] = {
    "lifting": _LIFTING,
    "bending_twisting": _limit("restricted", eligible_on="2026-05-12", lifted_by="blt_end", lifted_by_stage=1),
    "driving": _DRIVING,
    "sitting": _limit("restricted", limit_minutes=20, until_on="2026-04-28", sources=["S61"]),
    "brace": _NONE,
    "sport": {
        "low_impact": _limit("restricted", eligible_on="2026-05-12", lifted_by="sport_low", lifted_by_stage=1),
        "non_contact": _limit("restricted", eligible_on="2026-06-09", lifted_by="sport_nc", lifted_by_stage=1),
        "contact": _limit("restricted"),
    },
    "work": {
        "own_class": "light",
        "permitted_class": None,
        "limit": _limit("restricted", eligible_on="2026-05-12", lifted_by="rtw_light", lifted_by_stage=1),
        "classes": [
            {
                "work_class": "light",
                "limit": _limit("restricted", eligible_on="2026-05-12", lifted_by="rtw_light", lifted_by_stage=1),
                "occasional": {"over_lb": None, "to_lb": 20},
                "frequent": {"over_lb": None, "to_lb": 10},
                "constant": None,
            }
        ],
    },
}
EPISODE_LIMITS: dict[str, Any] = {
    "patient_id": _PATIENT_ID,
    "episode_id": _EPISODE_ID,
    "on": "2026-04-20",
    "limits": _LIMITS,
}
PATIENT_LIMITS: dict[str, Any] = {
    "patient_id": _PATIENT_ID,
    "on": "2026-04-20",
    "limits": _LIMITS,
    "episodes": [EPISODE_LIMITS],
}
