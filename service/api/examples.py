"""Examples of the document: made-up people, as the API would take and answer them."""

from typing import Any

PATIENT: dict[str, Any] = {
    "mrn": "SP200417",
    "given_name": "Maya",
    "family_name": "Okafor",
    "date_of_birth": "1971-08-30",
    "language": "en",
    "country": "US",
    "time_zone": "America/Chicago",
    "units": "imperial",
    "channels": ["email"],
    "quiet_from": "21:30",
    "quiet_until": "07:30",
    "email": "maya.okafor@example.org",
    "work_class": "light",
}
PATIENT_CHANGE: dict[str, Any] = {
    "time_zone": "America/Denver",
    "quiet_from": "22:00",
    "quiet_until": "08:00",
    "opted_out_categories": ["activity"],
}
EPISODE: dict[str, Any] = {"patient_id": "k7Qm2pXcV9sLwRtA", "label": "E1", "workers_comp": False}
EPISODE_CHANGE: dict[str, Any] = {"status": "paused"}
SURGERY: dict[str, Any] = {
    "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
    "stage": 1,
    "procedure": "lumbar_microdiscectomy",
    "approach": "tubular",
    "levels": ["L4-L5"],
    "surgery_on": "2026-04-14",
    "setting": "outpatient",
}
SURGERY_CHANGE: dict[str, Any] = {"status": "performed", "blood_loss_ml": 40}
CHECK_IN: dict[str, Any] = {
    "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
    "reported_at": "2026-04-20T08:30:00Z",
    "pain": 4,
    "pain_leg": 3,
    "walking_minutes": 25,
    "took_opioid": False,
}
QUESTIONNAIRE_ANSWER: dict[str, Any] = {
    "episode_id": "0b6f3c1e-6a0e-4d0c-9f53-2f3d4a5b6c7d",
    "milestone_id": "jalq3sww6xmy26rg6eivay6ooasfjfez",
    "instrument": "nrs",
    "answered_at": "2026-04-28T08:30:00Z",
    "answers": {"back": 3, "leg": 1},
}
ACHIEVE: dict[str, Any] = {"achieved_on": "2026-04-28"}
SKIP: dict[str, Any] = {"reason": "not_applicable"}
ENROLMENT: dict[str, Any] = {"patient_id": "k7Qm2pXcV9sLwRtA"}
ENROLMENT_ANSWER: dict[str, Any] = {"code": "7K3M-9QAT-X2VD", "expires_at": "2026-04-15T14:00:00Z"}
DEVICE: dict[str, Any] = {"code": "7k3m 9qat x2vd"}
PUSH_ADDRESS: dict[str, Any] = {
    "provider": "fcm",
    "token": "dG9rZW4tb2YtYS1waG9uZQ:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx",
}
REPORTED: dict[str, Any] = {
    "milestone_id": "jalq3sww6xmy26rg6eivay6ooasfjfez",
    "achieved_on": "2026-04-28",
    "skip_reason": None,
    "note": None,
    "reminders": [{"reminder_id": "2dzqjlm3z7py2fo7safd7uksefneinsh", "answer": "effective"}],
}
CASELOAD = (
    "mrn,given_name,family_name,date_of_birth,language,time_zone,email,phone,channels,episode,procedure,approach,"
    "levels,surgery_date,status,setting,work_class,workers_comp,low_bone_density\n"
    "SP200417,Maya,Okafor,1971-08-30,en,America/Chicago,maya.okafor@example.org,,email,E1,lumbar_microdiscectomy,"
    "tubular,L4-L5,2026-04-14,planned,outpatient,light,no,no\n"
)
ACKNOWLEDGED: dict[str, Any] = {
    "id": "2dzqjlm3z7py2fo7safd7uksefneinsh",
    "milestone_id": "jalq3sww6xmy26rg6eivay6ooasfjfez",
    "key": "goal",
    "repeat": 0,
    "generation": 1,
    "category": "activity",
    "phase": "after_surgery",
    "scheduled_on": "2026-04-28",
    "due_at": "2026-04-28T14:00:00Z",
    "useful_until": "2026-05-01T14:00:00Z",
    "state": "sent",
    "reason": None,
    "sent_at": "2026-04-28T14:00:03Z",
    "acknowledged_at": "2026-04-28T15:20:11Z",
    "snoozed_until": None,
    "text": {
        "en": "Are you walking about 30 minutes a day in all? Tell us how it goes.",
        "es": "¿Camina en total unos 30 minutos al día? Cuéntenos cómo le va.",
    },
    "correction": None,
    "rev": 412,
}
SNOOZE: dict[str, Any] = {"minutes": 90}
SNOOZED: dict[str, Any] = {
    "reminder_id": "2dzqjlm3z7py2fo7safd7uksefneinsh",
    "answer": "already_sent",
    "snoozed_until": "2026-04-28T16:50:00Z",
}
DECISIONS: dict[str, Any] = {
    "items": [
        {
            "id": "01kp5v2m9xj8q4t6w0y3z7a1b2",
            "decided_at": "2026-04-15T09:12:44Z",
            "generation": 1,
            "step": None,
            "kind": "planned",
            "reason": None,
            "channel": None,
            "until": None,
            "words": "planned",
        },
        {
            "id": "01kpgqh3f7d2n5r8v1x4c6e9g0",
            "decided_at": "2026-04-19T12:00:02Z",
            "generation": 1,
            "step": 0,
            "kind": "held",
            "reason": "quiet_hours",
            "channel": None,
            "until": "2026-04-19T12:30:00Z",
            "words": "waits: the patient wants quiet now",
        },
    ],
    "next": None,
}
