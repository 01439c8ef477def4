"""Who may call what: one table, every route and method. What is not in it is refused, and fails a test.

The table says for whom a route is, and in which part of it stands what the route reaches. Which rows those are for each
caller is the business of `service.care.reach`. A rule on one property of a body stays with its use case. HEAD counts as
GET. `docs/access.md` shows the table as a page (`flask access-table`).
"""

from collections.abc import Mapping
from typing import Final

from service.errors import Fault, ForbiddenError
from service.identity.callers import (
    ADMIN,
    ANYONE,
    AUDITOR,
    CLINICIAN,
    EVERY_STAFF,
    HEALTH_READ,
    OPERATOR,
    PATIENT_OR_STAFF,
    PROXY_PLAN,
    STAFF,
    Rules,
    Who,
)
from service.identity.patient_roles import OF_PATIENTS
from service.identity.principal import Principal

# Nobody signs in: the route is public, signed, or takes its secret in body or link.
OPEN: Final[Rules] = {
    "GET /": ANYONE,
    "GET /health": ANYONE,
    "GET /health/worker": ANYONE,
    "GET /pages/pages.css": ANYONE,
    "GET /clinic/files/{filename}": ANYONE,
    "GET /clinic/sign-in": ANYONE,
    "POST /clinic/sign-in": ANYONE,
    "GET /clinic/sign-in/code": ANYONE,
    "POST /clinic/sign-in/code": ANYONE,
    "GET /clinic/sign-in/invitation": ANYONE,
    "POST /clinic/sign-in/invitation": ANYONE,
    "GET /clinic/sign-in/authenticator": ANYONE,
    "POST /clinic/sign-in/authenticator": ANYONE,
    "POST /clinic/sign-in/authenticator/confirm": ANYONE,
    "POST /clinic/sign-in/code/options": ANYONE,
    "POST /clinic/sign-in/passkey/options": ANYONE,
    "POST /clinic/sign-in/passkey": ANYONE,
    "POST /clinic/sign-in/provider": ANYONE,
    "GET /clinic/sign-in/provider/answer": ANYONE,
    "GET /clinic/signed-out": ANYONE,
    "GET /m/{token}": ANYONE,
    "POST /m/{token}": ANYONE,
    "POST /m/{token}/check-in": ANYONE,
    "GET /calendar/{token}.ics": ANYONE,
    "GET /api/v1/openapi.json": ANYONE,
    "GET /api/v1/docs": ANYONE,
    "GET /api/v1/docs/{filename}": ANYONE,
    "POST /api/v1/devices": ANYONE,
    "POST /api/v1/tokens/refresh": ANYONE,
    "POST /api/v1/devices/wiped": ANYONE,
    "POST /api/v1/sign-in": ANYONE,
    "POST /api/v1/sign-in/password": ANYONE,
    "POST /api/v1/sign-in/second-factor": ANYONE,
    "POST /api/v1/sign-in/authenticator": ANYONE,
    "POST /api/v1/sign-in/authenticator/confirm": ANYONE,
    "POST /api/v1/sign-in/passkey/options": ANYONE,
    "POST /api/v1/sign-in/passkey": ANYONE,
    "POST /api/v1/providers/sms/status": ANYONE,
    "POST /api/v1/providers/sms/inbound": ANYONE,
    "POST /api/v1/providers/mail/events": ANYONE,
}

# One's own account.
OF_ONESELF: Final[Rules] = {
    "GET /api/v1/me": EVERY_STAFF,
    "POST /api/v1/me/step-up": EVERY_STAFF,
    "POST /api/v1/me/sign-out": EVERY_STAFF,
    "GET /api/v1/me/sessions": EVERY_STAFF,
    "POST /api/v1/me/end-other-sessions": EVERY_STAFF,
    "DELETE /api/v1/me/sessions/{session_id}": EVERY_STAFF,
    "POST /api/v1/me/password": EVERY_STAFF,
    "POST /api/v1/me/authenticator": EVERY_STAFF,
    "POST /api/v1/me/authenticator/confirm": EVERY_STAFF,
    "POST /api/v1/me/recovery-codes": EVERY_STAFF,
    "POST /api/v1/me/step-up/options": EVERY_STAFF,
    "GET /api/v1/me/passkeys": EVERY_STAFF,
    "POST /api/v1/me/passkey-options": EVERY_STAFF,
    "POST /api/v1/me/passkeys": EVERY_STAFF,
    "DELETE /api/v1/me/passkeys/{passkey_id}": EVERY_STAFF,
    "POST /clinic/sign-out": EVERY_STAFF,
    "GET /clinic/account": EVERY_STAFF,
    "POST /clinic/account/sessions/{session_id}/end": EVERY_STAFF,
    "POST /clinic/account/end-other-sessions": EVERY_STAFF,
    "POST /clinic/account/password": EVERY_STAFF,
    "POST /clinic/account/authenticator": EVERY_STAFF,
    "POST /clinic/account/authenticator/confirm": EVERY_STAFF,
    "POST /clinic/account/recovery-codes": EVERY_STAFF,
    "POST /clinic/account/passkeys/options": EVERY_STAFF,
    "POST /clinic/account/passkeys": EVERY_STAFF,
    "POST /clinic/account/passkeys/{passkey_id}/remove": EVERY_STAFF,
    "POST /clinic/step-up/options": EVERY_STAFF,
    "GET /clinic/step-up": EVERY_STAFF,
    "POST /clinic/step-up": EVERY_STAFF,
    "GET /api/v1/me/alert-addresses": STAFF,
    "PUT /api/v1/me/alert-addresses/{channel}": STAFF,
    "DELETE /api/v1/me/alert-addresses/{channel}": STAFF,
    "GET /api/v1/me/worklist-views": STAFF,
    "PUT /api/v1/me/worklist-views/{view_id}": STAFF,
    "DELETE /api/v1/me/worklist-views/{view_id}": STAFF,
    "GET /clinic/views": STAFF,
    "POST /clinic/views": STAFF,
    "POST /clinic/views/{view_id}": STAFF,
    "POST /clinic/views/{view_id}/remove": STAFF,
}


# The caller's practice, and no patient: its settings, its protocols, how its service runs.
OF_PRACTICE: Final[Rules] = {
    "GET /api/v1/clearance-rules": STAFF,
    "PUT /api/v1/clearance-rules/{rule_id}": CLINICIAN,
    "POST /api/v1/clearance-rules/{rule_id}/retire": CLINICIAN,
    "GET /api/v1/delivery-health": STAFF | OPERATOR | HEALTH_READ,
    "GET /api/v1/self-audits": STAFF | OPERATOR | AUDITOR | HEALTH_READ,
    "GET /api/v1/questionnaires": PATIENT_OR_STAFF,
    "GET /api/v1/protocols": PATIENT_OR_STAFF | PROXY_PLAN,
    "GET /api/v1/protocols/compare": PATIENT_OR_STAFF,
    "GET /api/v1/protocols/{protocol_id}/versions/{version}": PATIENT_OR_STAFF | PROXY_PLAN,
    "GET /api/v1/protocols/{protocol_id}/versions/{version}.toml": STAFF,
    "GET /api/v1/protocols/{protocol_id}/versions/{version}/diff": STAFF,
    "GET /api/v1/protocols/{protocol_id}/versions/{version}/findings": STAFF,
    "PUT /api/v1/protocols/{protocol_id}/versions/{version}": ADMIN | CLINICIAN,
    "PATCH /api/v1/protocols/{protocol_id}/versions/{version}": ADMIN | CLINICIAN,
    "POST /api/v1/protocols/{protocol_id}/versions/{version}/sign": CLINICIAN,
    "POST /api/v1/protocols/{protocol_id}/versions/{version}/release": CLINICIAN,
    "POST /api/v1/protocols/{protocol_id}/versions/{version}/retire": CLINICIAN,
    "POST /api/v1/protocols/{protocol_id}/copies": ADMIN | CLINICIAN,
    "GET /api/v1/cards": STAFF,
    "GET /api/v1/cards/{card_id}/{language}": STAFF,
    "PUT /api/v1/cards/{card_id}/{language}": ADMIN | CLINICIAN,
    "POST /api/v1/cards/{card_id}/{language}/sign": CLINICIAN,
    "GET /api/v1/cards/{card_id}/{language}/versions": STAFF,
    "GET /api/v1/service-accounts": ADMIN | AUDITOR,
    "POST /api/v1/service-accounts": ADMIN,
    "DELETE /api/v1/service-accounts/{account_id}": ADMIN,
    "GET /api/v1/staff": ADMIN | AUDITOR,
    "POST /api/v1/staff": ADMIN,
    "POST /api/v1/staff/{member_id}/role": ADMIN,
    "POST /api/v1/staff/{member_id}/deactivate": ADMIN,
    "POST /api/v1/staff/{member_id}/reactivate": ADMIN,
    "POST /api/v1/staff/{member_id}/end-sessions": ADMIN,
    "POST /api/v1/staff/{member_id}/code": ADMIN,
    "DELETE /api/v1/staff/{member_id}/provider-link": ADMIN,
    "GET /api/v1/practice/sign-in-provider": ADMIN,
    "PUT /api/v1/practice/sign-in-provider": ADMIN,
    "DELETE /api/v1/practice/sign-in-provider": ADMIN,
    "GET /api/v1/practice/sign-in-provider/check": ADMIN,
    "GET /api/v1/practice": STAFF,
    "GET /api/v1/practice/tables/{table}": ADMIN,
    "PATCH /api/v1/practice": ADMIN | CLINICIAN,
    "GET /api/v1/practice/check-in-rhythm": STAFF,
    "PUT /api/v1/practice/check-in-rhythm": ADMIN | CLINICIAN,
    "POST /api/v1/simulations": STAFF,
    "GET /api/v1/alert-rules": STAFF,
    "GET /api/v1/alert-answering": STAFF,
    "PUT /api/v1/alert-answering/{urgency}": ADMIN,
    "DELETE /api/v1/alert-answering/{urgency}": ADMIN,
    "GET /api/v1/on-call": STAFF,
    "PUT /api/v1/on-call/{shift_id}": STAFF,
    "DELETE /api/v1/on-call/{shift_id}": STAFF,
    "GET /clinic/protocols": STAFF,
    "GET /clinic/cards": STAFF,
    "GET /clinic/cards/{card_id}": STAFF,
    "POST /clinic/cards/{card_id}/{language}": ADMIN | CLINICIAN,
    "POST /clinic/cards/{card_id}/{language}/sign": CLINICIAN,
    "GET /api/v1/outcomes/milestones": STAFF,  # of groups, never of a patient
    "GET /api/v1/outcomes/recovery-bands": STAFF,
    "GET /api/v1/outcomes/safety": STAFF,
    "GET /api/v1/outcomes/scores": STAFF,
    "GET /clinic/outcomes": STAFF,
    "GET /clinic/outcomes.csv": STAFF,
    "GET /clinic/practice": ADMIN,
    "POST /clinic/practice": ADMIN,
    "GET /clinic/check-ins": ADMIN | CLINICIAN,
    "POST /clinic/check-ins": ADMIN | CLINICIAN,
    "GET /clinic/answering": ADMIN,
    "POST /clinic/answering/{urgency}": ADMIN,
    "GET /clinic/practice/tables": ADMIN,
    "GET /clinic/practice/tables/{table}": ADMIN,
    "GET /clinic/staff": ADMIN,
    "POST /clinic/staff": ADMIN,
    "GET /clinic/staff/{member_id}": ADMIN,
    "POST /clinic/staff/{member_id}/role": ADMIN,
    "POST /clinic/staff/{member_id}/deactivate": ADMIN,
    "POST /clinic/staff/{member_id}/reactivate": ADMIN,
    "POST /clinic/staff/{member_id}/end-sessions": ADMIN,
    "POST /clinic/staff/{member_id}/code": ADMIN,
    "POST /clinic/staff/{member_id}/forget-provider": ADMIN,
    "GET /clinic/practice/sign-in-provider": ADMIN,
    "POST /clinic/practice/sign-in-provider": ADMIN,
    "POST /clinic/practice/sign-in-provider/check": ADMIN,
    "POST /clinic/practice/sign-in-provider/forget": ADMIN,
}

PARTS: Final[Mapping[str, Rules]] = {
    "open": OPEN,
    "oneself": OF_ONESELF,
    "patients": OF_PATIENTS,
    "practice": OF_PRACTICE,
}
WHO_MAY: Final[dict[str, Who | None]] = {route: who for rules in PARTS.values() for route, who in rules.items()}


def is_public(route: str) -> bool:
    """Return whether a route asks for no token. A route that is not in the table is not public."""
    return route in WHO_MAY and WHO_MAY[route] is ANYONE


def refuse_unless_may_call(route: str, caller: Principal) -> None:
    """Raise ForbiddenError unless the caller may call a route. Nobody may call one that is not in the table."""
    who = WHO_MAY.get(route, frozenset())
    if who is not ANYONE and who.isdisjoint(caller.words):
        raise ForbiddenError(
            Fault("", " or ".join(sorted(who)) or "nobody", " and ".join(sorted(caller.words)) or "no scope")
        )
