"""Who may call what: one table, every route and method. What is not in it is refused, and fails a test.

The table says which kind of caller a route is for. Which rows each then reaches is the business of
`service.care.reach`: a patient's own, and for staff those of their practice. HEAD counts as GET.
"""

from typing import Final

from service.identity.principal import Principal

STAFF: Final = frozenset({"staff"})
PATIENT: Final = frozenset({"patient"})
PATIENT_OR_STAFF: Final = frozenset({"staff", "patient"})
ANYONE: Final = None  # no token is asked for: the route is public, signed, or takes its secret in body or link

WHO_MAY: Final[dict[str, frozenset[str] | None]] = {
    "GET /health": ANYONE,
    "GET /health/worker": ANYONE,
    "GET /pages/pages.css": ANYONE,
    "GET /m/{token}": ANYONE,
    "POST /m/{token}": ANYONE,
    "POST /m/{token}/check-in": ANYONE,
    "GET /api/v1/openapi.json": ANYONE,
    "GET /api/v1/docs": ANYONE,
    "GET /api/v1/docs/{filename}": ANYONE,
    "POST /api/v1/devices": ANYONE,
    "POST /api/v1/tokens/refresh": ANYONE,
    "POST /api/v1/sign-in": ANYONE,
    "POST /api/v1/sign-in/password": ANYONE,
    "POST /api/v1/sign-in/second-factor": ANYONE,
    "POST /api/v1/sign-in/authenticator": ANYONE,
    "POST /api/v1/sign-in/authenticator/confirm": ANYONE,
    "GET /api/v1/me": STAFF,
    "POST /api/v1/me/step-up": STAFF,
    "POST /api/v1/me/sign-out": STAFF,
    "GET /api/v1/me/sessions": STAFF,
    "POST /api/v1/me/end-other-sessions": STAFF,
    "DELETE /api/v1/me/sessions/{session_id}": STAFF,
    "POST /api/v1/me/password": STAFF,
    "POST /api/v1/me/authenticator": STAFF,
    "POST /api/v1/me/authenticator/confirm": STAFF,
    "POST /api/v1/me/recovery-codes": STAFF,
    "POST /api/v1/providers/sms/status": ANYONE,
    "POST /api/v1/providers/sms/inbound": ANYONE,
    "POST /api/v1/providers/mail/events": ANYONE,
    "POST /api/v1/enrolments": STAFF,
    "GET /api/v1/push-address": PATIENT,
    "PUT /api/v1/push-address": PATIENT,
    "DELETE /api/v1/push-address": PATIENT,
    "GET /api/v1/patients": STAFF,
    "GET /api/v1/patients/{patient_id}": PATIENT_OR_STAFF,
    "PUT /api/v1/patients/{patient_id}": STAFF,
    "PATCH /api/v1/patients/{patient_id}": PATIENT_OR_STAFF,
    "GET /api/v1/patients/{patient_id}/episodes": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}": PATIENT_OR_STAFF,
    "PUT /api/v1/episodes/{episode_id}": STAFF,
    "PATCH /api/v1/episodes/{episode_id}": STAFF,
    "GET /api/v1/episodes/{episode_id}/surgeries": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/moves": STAFF,
    "POST /api/v1/episodes/{episode_id}/moves": STAFF,
    "GET /api/v1/episodes/{episode_id}/plan": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/progress": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/work-status": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/reminders": PATIENT_OR_STAFF,
    "GET /api/v1/reminders/{reminder_id}/decisions": PATIENT_OR_STAFF,
    "POST /api/v1/reminders/{reminder_id}/acknowledge": PATIENT_OR_STAFF,
    "POST /api/v1/reminders/{reminder_id}/snooze": PATIENT,
    "GET /api/v1/episodes/{episode_id}/check-ins": PATIENT_OR_STAFF,
    "GET /api/v1/surgeries/{surgery_id}": PATIENT_OR_STAFF,
    "PUT /api/v1/surgeries/{surgery_id}": STAFF,
    "PATCH /api/v1/surgeries/{surgery_id}": STAFF,
    "POST /api/v1/milestones/{milestone_id}/achieve": PATIENT_OR_STAFF,
    "POST /api/v1/milestones/{milestone_id}/skip": PATIENT_OR_STAFF,
    "POST /api/v1/milestones/{milestone_id}/reopen": PATIENT_OR_STAFF,
    "GET /api/v1/milestones/{milestone_id}/slot": PATIENT_OR_STAFF,
    "PUT /api/v1/milestones/{milestone_id}/slot": STAFF,
    "POST /api/v1/milestones/{milestone_id}/slot/sign": STAFF,
    "GET /api/v1/milestones/{milestone_id}/clearance": STAFF,
    "POST /api/v1/milestones/{milestone_id}/clear": STAFF,
    "POST /api/v1/milestones/{milestone_id}/revoke-clearance": STAFF,
    "GET /api/v1/episodes/{episode_id}/observations": PATIENT_OR_STAFF,
    "PUT /api/v1/observations/{observation_id}": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/limits": PATIENT_OR_STAFF,
    "GET /api/v1/patients/{patient_id}/limits": PATIENT_OR_STAFF,
    "GET /api/v1/clearance-rules": STAFF,
    "PUT /api/v1/clearance-rules/{rule_id}": STAFF,
    "POST /api/v1/clearance-rules/{rule_id}/retire": STAFF,
    "PUT /api/v1/check-ins/{check_in_id}": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/questionnaire-answers": PATIENT_OR_STAFF,
    "PUT /api/v1/questionnaire-answers/{answer_id}": PATIENT_OR_STAFF,
    "GET /api/v1/sync/watermelon": PATIENT_OR_STAFF,
    "POST /api/v1/sync/watermelon": PATIENT_OR_STAFF,
    "POST /api/v1/sync/digest": PATIENT_OR_STAFF,
    "GET /api/v1/check-ins/{check_in_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/observations/{observation_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/questionnaire-answers/{answer_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/milestones/{milestone_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/patients/{patient_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/patients/{patient_id}/access-log": PATIENT_OR_STAFF,
    "GET /api/v1/patients/{patient_id}/export": PATIENT_OR_STAFF,
    "POST /api/v1/patients/{patient_id}/erase": STAFF,  # the practice's admin, in a session
    "GET /api/v1/conflicts": STAFF,
    "POST /api/v1/conflicts/{conflict_id}/resolve": STAFF,
    "GET /api/v1/refused-rows": STAFF,
    "POST /api/v1/refused-rows/{refused_id}/done": STAFF,
    "GET /api/v1/sync/rxdb/{collection}/{version}/pull": PATIENT_OR_STAFF,
    "POST /api/v1/sync/rxdb/{collection}/{version}/push": PATIENT_OR_STAFF,
    "GET /api/v1/sync/rxdb/{collection}/{version}/pullStream": PATIENT_OR_STAFF,
    "POST /api/v1/sync/powersync/sync/stream": PATIENT_OR_STAFF,
    "GET /api/v1/sync/powersync/write-checkpoint2.json": PATIENT_OR_STAFF,
    "POST /api/v1/sync/powersync/crud": PATIENT_OR_STAFF,
    "GET /api/v1/sync/events": PATIENT_OR_STAFF,
    "GET /api/v1/sync/wait": PATIENT_OR_STAFF,
    "GET /api/v1/delivery-health": STAFF,
    "GET /api/v1/self-audits": STAFF,
    "GET /api/v1/tasks": STAFF,
    "POST /api/v1/tasks/{task_id}/close": STAFF,
    "GET /api/v1/inbound-messages": STAFF,
    "GET /api/v1/protocols": PATIENT_OR_STAFF,
    "GET /api/v1/protocols/compare": PATIENT_OR_STAFF,
    "GET /api/v1/protocols/{protocol_id}/versions/{version}": PATIENT_OR_STAFF,
    "GET /api/v1/protocols/{protocol_id}/versions/{version}.toml": STAFF,
    "GET /api/v1/protocols/{protocol_id}/versions/{version}/diff": STAFF,
    "GET /api/v1/protocols/{protocol_id}/versions/{version}/findings": STAFF,
    "PUT /api/v1/protocols/{protocol_id}/versions/{version}": STAFF,
    "PATCH /api/v1/protocols/{protocol_id}/versions/{version}": STAFF,
    "POST /api/v1/protocols/{protocol_id}/versions/{version}/sign": STAFF,
    "POST /api/v1/protocols/{protocol_id}/versions/{version}/release": STAFF,
    "POST /api/v1/protocols/{protocol_id}/versions/{version}/retire": STAFF,
    "POST /api/v1/protocols/{protocol_id}/versions/{version}/migrations": STAFF,
    "POST /api/v1/protocols/{protocol_id}/copies": STAFF,
    "GET /api/v1/practice": STAFF,
    "PATCH /api/v1/practice": STAFF,
    "POST /api/v1/simulations": STAFF,
    "POST /api/v1/import": STAFF,
}


def is_public(route: str) -> bool:
    """Return whether a route asks for no token. A route that is not in the table is not public."""
    return route in WHO_MAY and WHO_MAY[route] is ANYONE


def may_call(route: str, caller: Principal) -> bool:
    """Return whether this kind of caller may call a route. Nobody may call one that is not in the table."""
    who = WHO_MAY.get(route, frozenset())
    return who is ANYONE or ("staff" if caller.is_staff else "patient") in who
