"""Examples of the document: who looked at the data of a made-up patient."""

from typing import Any

ACCESSES: dict[str, Any] = {
    "items": [
        {
            "id": "01kprw5h2m7w4y6a8c0e2g5j7k",
            "happened_at": "2026-04-22T13:01:14Z",
            "who": {
                "kind": "staff",
                "name": "Dana Reyes",
                "role": "clinician",
                "text": {"en": "Clinician", "es": "Profesional de salud"},
            },
            "kind": "read",
            "kind_text": {"en": "Read", "es": "Leyó"},
            "area": "plan",
            "area_text": {"en": "Your recovery plan", "es": "Su plan de recuperación"},
            "emergency_text": None,
        },
        {
            "id": "01kprw5h2m7s9t1v3x5z8b0c4d",
            "happened_at": "2026-04-22T12:00:03Z",
            "who": {
                "kind": "worker",
                "name": None,
                "role": None,
                "text": {"en": "This service, by itself", "es": "Este servicio, por sí mismo"},
            },
            "kind": "sent",
            "kind_text": {"en": "Sent", "es": "Envió"},
            "area": "messages",
            "area_text": {"en": "Messages to and from you", "es": "Mensajes para usted y de usted"},
            "emergency_text": None,
        },
    ],
    "next": None,
}
AUDIT_ENTRIES: dict[str, Any] = {
    "items": [
        {
            "id": "01kprw5h2m7w4y6a8c0e2g5j7k",
            "happened_at": "2026-04-22T13:01:14Z",
            "actor_kind": "staff",
            "actor_id": "01kprw5h2m7s9t1v3x5z8b0c4d",
            "action": "read",
            "route": "GET /api/v1/episodes/{episode_id}/plan",
            "status": 200,
            "about": {},
            "patient_ids": ["01kprw5h2m7a1b2c3d4e5f6g7h"],
        }
    ],
    "next": None,
}
