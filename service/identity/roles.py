"""Who may call what: one table, every route and method. What is not in it is refused, and fails a test.

The table says for whom a route is, and in which part of it stands what the route reaches. Which rows those are for each
caller is the business of `service.care.reach`. A rule on one property of a body stays with its use case. HEAD counts as
GET. `docs/access.md` shows the table as a page (`flask access-table`).
"""

from collections.abc import Mapping
from typing import Final

from models.people import StaffRole
from models.proxy import ProxyScope
from models.service_account import Scope
from service.errors import Fault, ForbiddenError
from service.identity.principal import PATIENT_WORD, Principal

Who = frozenset[str]
Rules = Mapping[str, Who | None]

ANYONE: Final = None
PATIENT: Final[Who] = frozenset({PATIENT_WORD})
ADMIN: Final[Who] = frozenset({StaffRole.practice_admin})
CLINICIAN: Final[Who] = frozenset({StaffRole.clinician})
COORDINATOR: Final[Who] = frozenset({StaffRole.coordinator})
AUDITOR: Final[Who] = frozenset({StaffRole.auditor})  # reads who did what; of patients nothing else
OPERATOR: Final[Who] = frozenset({StaffRole.operator})  # sees whether the service runs; of patients nothing
STAFF: Final[Who] = ADMIN | CLINICIAN | COORDINATOR
PATIENT_OR_STAFF: Final[Who] = PATIENT | STAFF
# What a patient lets a proxy do.
PROXY_PLAN: Final[Who] = frozenset({ProxyScope.read_plan})
PROXY_REPORTS: Final[Who] = frozenset({ProxyScope.report_check_ins})
PROXY_MESSAGES: Final[Who] = frozenset({ProxyScope.receive_messages})
EVERY_PROXY: Final[Who] = PROXY_PLAN | PROXY_REPORTS | PROXY_MESSAGES
EVERY_STAFF: Final[Who] = STAFF | AUDITOR | OPERATOR
# What a program of the clinic needs in its key.
PATIENTS_READ: Final[Who] = frozenset({Scope.patients_read})
PATIENTS_WRITE: Final[Who] = frozenset({Scope.patients_write})
PLANS_READ: Final[Who] = frozenset({Scope.plans_read})
REMINDERS_READ: Final[Who] = frozenset({Scope.reminders_read})
REPORTS_READ: Final[Who] = frozenset({Scope.reports_read})
IMPORT: Final[Who] = frozenset({Scope.import_})
HEALTH_READ: Final[Who] = frozenset({Scope.health_read})

# Nobody signs in: the route is public, signed, or takes its secret in body or link.
OPEN: Final[Rules] = {
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
    "POST /api/v1/me/passkeys/options": EVERY_STAFF,
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
}

# Patients: which of them a caller reaches stands in `service.care.reach`.
OF_PATIENTS: Final[Rules] = {
    "POST /api/v1/enrolments": STAFF,
    "GET /api/v1/patients/{patient_id}/devices": PATIENT_OR_STAFF,
    "POST /api/v1/devices/{device_id}/lost": PATIENT_OR_STAFF,
    "GET /api/v1/patients/{patient_id}/proxies": PATIENT_OR_STAFF,
    "POST /api/v1/patients/{patient_id}/proxies": STAFF,
    "POST /api/v1/proxies/{proxy_id}/enrolment": STAFF,
    "POST /api/v1/proxies/{proxy_id}/end": PATIENT_OR_STAFF,
    "GET /api/v1/push-address": PATIENT | PROXY_MESSAGES,
    "PUT /api/v1/push-address": PATIENT | PROXY_MESSAGES,
    "DELETE /api/v1/push-address": PATIENT | PROXY_MESSAGES,
    "GET /api/v1/patients": STAFF | PATIENTS_READ,
    "GET /api/v1/patients/{patient_id}": PATIENT_OR_STAFF | PATIENTS_READ,
    "PUT /api/v1/patients/{patient_id}": STAFF | PATIENTS_WRITE,
    "PATCH /api/v1/patients/{patient_id}": PATIENT_OR_STAFF | PATIENTS_WRITE,
    "GET /api/v1/patients/{patient_id}/episodes": PATIENT_OR_STAFF | PATIENTS_READ | EVERY_PROXY,
    "GET /api/v1/patients/{patient_id}/assignments": STAFF,
    "POST /api/v1/patients/{patient_id}/assignments": STAFF,
    "DELETE /api/v1/patients/{patient_id}/assignments/{member_id}": STAFF,
    "POST /api/v1/emergency-accesses": CLINICIAN | COORDINATOR,
    "GET /api/v1/emergency-accesses": ADMIN | AUDITOR,
    "POST /api/v1/emergency-accesses/{access_id}/review": ADMIN | AUDITOR,
    "GET /api/v1/episodes/{episode_id}": PATIENT_OR_STAFF | PATIENTS_READ | EVERY_PROXY,
    "PUT /api/v1/episodes/{episode_id}": STAFF | PATIENTS_WRITE,
    "PATCH /api/v1/episodes/{episode_id}": STAFF | PATIENTS_WRITE,
    "GET /api/v1/episodes/{episode_id}/surgeries": PATIENT_OR_STAFF | PATIENTS_READ | PROXY_PLAN,
    "GET /api/v1/episodes/{episode_id}/moves": STAFF,
    "POST /api/v1/episodes/{episode_id}/moves": STAFF,
    "GET /api/v1/episodes/{episode_id}/plan": PATIENT_OR_STAFF | PLANS_READ | PROXY_PLAN,
    "GET /api/v1/episodes/{episode_id}/plan/pdf": PATIENT_OR_STAFF | PLANS_READ | PROXY_PLAN,
    "GET /api/v1/episodes/{episode_id}/progress": PATIENT_OR_STAFF | PLANS_READ | PROXY_PLAN,
    "GET /api/v1/episodes/{episode_id}/work-status": PATIENT_OR_STAFF | PLANS_READ,
    "GET /api/v1/patients/{patient_id}/calendar-feed": PATIENT_OR_STAFF,
    "POST /api/v1/patients/{patient_id}/calendar-feed": PATIENT_OR_STAFF,
    "DELETE /api/v1/patients/{patient_id}/calendar-feed": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/letter-releases": PATIENT_OR_STAFF,
    "PUT /api/v1/letter-releases/{release_id}": STAFF,
    "POST /api/v1/letter-releases/{release_id}/revoke": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/letters": PATIENT_OR_STAFF,
    "PUT /api/v1/letters/{letter_id}": STAFF,
    "GET /api/v1/letters/{letter_id}/pdf": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/reminders": PATIENT_OR_STAFF | REMINDERS_READ | PROXY_MESSAGES,
    "GET /api/v1/reminders/{reminder_id}/decisions": PATIENT_OR_STAFF | REMINDERS_READ,
    "POST /api/v1/reminders/{reminder_id}/acknowledge": PATIENT_OR_STAFF,
    "POST /api/v1/reminders/{reminder_id}/snooze": PATIENT,
    "GET /api/v1/episodes/{episode_id}/check-ins": PATIENT_OR_STAFF | REPORTS_READ | PROXY_REPORTS,
    "GET /api/v1/surgeries/{surgery_id}": PATIENT_OR_STAFF | PATIENTS_READ | PROXY_PLAN,
    "PUT /api/v1/surgeries/{surgery_id}": STAFF | PATIENTS_WRITE,
    "PATCH /api/v1/surgeries/{surgery_id}": STAFF | PATIENTS_WRITE,
    "POST /api/v1/milestones/{milestone_id}/achieve": PATIENT_OR_STAFF,
    "POST /api/v1/milestones/{milestone_id}/skip": PATIENT_OR_STAFF,
    "POST /api/v1/milestones/{milestone_id}/reopen": PATIENT_OR_STAFF,
    "GET /api/v1/milestones/{milestone_id}/slot": PATIENT_OR_STAFF | PROXY_PLAN,
    "PUT /api/v1/milestones/{milestone_id}/slot": CLINICIAN,
    "POST /api/v1/milestones/{milestone_id}/slot/sign": CLINICIAN,
    "GET /api/v1/milestones/{milestone_id}/clearance": STAFF,
    "POST /api/v1/milestones/{milestone_id}/clear": CLINICIAN,
    "POST /api/v1/milestones/{milestone_id}/revoke-clearance": CLINICIAN,
    "GET /api/v1/episodes/{episode_id}/observations": PATIENT_OR_STAFF | REPORTS_READ,
    "PUT /api/v1/observations/{observation_id}": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/limits": PATIENT_OR_STAFF | PLANS_READ | PROXY_PLAN,
    "GET /api/v1/patients/{patient_id}/limits": PATIENT_OR_STAFF | PLANS_READ | PROXY_PLAN,
    "PUT /api/v1/check-ins/{check_in_id}": PATIENT_OR_STAFF | PROXY_REPORTS,
    "GET /api/v1/episodes/{episode_id}/questionnaire-answers": PATIENT_OR_STAFF | REPORTS_READ | PROXY_REPORTS,
    "PUT /api/v1/questionnaire-answers/{answer_id}": PATIENT_OR_STAFF | PROXY_REPORTS,
    "GET /api/v1/episodes/{episode_id}/scores": PATIENT_OR_STAFF | REPORTS_READ,
    "GET /api/v1/episodes/{episode_id}/opioid-taper": PATIENT_OR_STAFF | REPORTS_READ,
    "PUT /api/v1/opioid-tapers/{taper_id}": CLINICIAN,
    "GET /api/v1/episodes/{episode_id}/wound-photos": PATIENT_OR_STAFF,
    "PUT /api/v1/wound-photos/{photo_id}": PATIENT_OR_STAFF,
    "GET /api/v1/wound-photos/{photo_id}/picture": PATIENT_OR_STAFF,
    "GET /api/v1/episodes/{episode_id}/visits": PATIENT_OR_STAFF | REPORTS_READ,
    "PUT /api/v1/visits/{visit_id}": STAFF,
    "GET /api/v1/sync/watermelon": PATIENT_OR_STAFF | EVERY_PROXY,
    "POST /api/v1/sync/watermelon": PATIENT_OR_STAFF | EVERY_PROXY,
    "POST /api/v1/sync/digest": PATIENT_OR_STAFF | EVERY_PROXY,
    "GET /api/v1/episodes/{episode_id}/clinical-events": STAFF,
    "PUT /api/v1/clinical-events/{event_id}": STAFF,
    "POST /api/v1/clinical-events/{event_id}/withdraw": STAFF,
    "GET /api/v1/check-ins/{check_in_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/observations/{observation_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/questionnaire-answers/{answer_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/milestones/{milestone_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/patients/{patient_id}/versions": PATIENT_OR_STAFF,
    "GET /api/v1/patients/{patient_id}/access-log": PATIENT_OR_STAFF | AUDITOR,
    "GET /api/v1/audit-entries": ADMIN | AUDITOR,
    "GET /api/v1/patients/{patient_id}/export": PATIENT_OR_STAFF,
    "POST /api/v1/patients/{patient_id}/erase": ADMIN,  # in a session
    "GET /api/v1/patients/{patient_id}/holds": STAFF,
    "POST /api/v1/patients/{patient_id}/holds": STAFF,
    "POST /api/v1/patients/{patient_id}/holds/{hold_id}/end": ADMIN,
    "GET /api/v1/likely-doubles": STAFF,
    "GET /api/v1/conflicts": STAFF,
    "POST /api/v1/conflicts/{conflict_id}/resolve": STAFF,
    "GET /api/v1/refused-rows": STAFF,
    "POST /api/v1/refused-rows/{refused_id}/done": STAFF,
    "GET /api/v1/sync/rxdb/{collection}/{version}/pull": PATIENT_OR_STAFF | EVERY_PROXY,
    "POST /api/v1/sync/rxdb/{collection}/{version}/push": PATIENT_OR_STAFF | EVERY_PROXY,
    "GET /api/v1/sync/rxdb/{collection}/{version}/pullStream": PATIENT_OR_STAFF | EVERY_PROXY,
    "POST /api/v1/sync/powersync/sync/stream": PATIENT_OR_STAFF | EVERY_PROXY,
    "GET /api/v1/sync/powersync/write-checkpoint2.json": PATIENT_OR_STAFF | EVERY_PROXY,
    "POST /api/v1/sync/powersync/crud": PATIENT_OR_STAFF | EVERY_PROXY,
    "GET /api/v1/sync/events": PATIENT_OR_STAFF | EVERY_PROXY,
    "GET /api/v1/sync/wait": PATIENT_OR_STAFF | EVERY_PROXY,
    "GET /api/v1/held-deliveries": STAFF,
    "POST /api/v1/held-deliveries/{delivery_id}/release": STAFF,
    "POST /api/v1/held-deliveries/{delivery_id}/drop": STAFF,
    "GET /api/v1/tasks": STAFF,
    "POST /api/v1/tasks/{task_id}/close": STAFF,
    "GET /api/v1/inbound-messages": STAFF,
    "POST /api/v1/protocols/{protocol_id}/versions/{version}/migrations": CLINICIAN,
    "POST /api/v1/import": STAFF | IMPORT,
    "GET /clinic/": STAFF,
    "GET /clinic/worklist": STAFF,
    "GET /clinic/patients": STAFF,
    "POST /clinic/patients": STAFF,
    "GET /clinic/patients/{patient_id}": STAFF,
    "GET /clinic/patients/{patient_id}/edit": STAFF,
    "POST /clinic/patients/{patient_id}/edit": STAFF,
    "GET /clinic/doubles": STAFF,
    "POST /clinic/devices/{device_id}/lost": STAFF,
    "GET /clinic/patients/{patient_id}/proxies": STAFF,
    "POST /clinic/patients/{patient_id}/proxies": STAFF,
    "POST /clinic/proxies/{proxy_id}/enrolment": STAFF,
    "POST /clinic/proxies/{proxy_id}/end": STAFF,
    "GET /api/v1/alerts": STAFF,
    "GET /api/v1/alerts/{alert_id}": STAFF,
    "POST /api/v1/alerts/{alert_id}/acknowledge": STAFF,
    "POST /api/v1/alerts/{alert_id}/assign": STAFF,
    "POST /api/v1/alerts/{alert_id}/contacts": STAFF,
    "POST /api/v1/alerts/{alert_id}/close": STAFF,
    "POST /clinic/patients/{patient_id}/enrolment": STAFF,
    "GET /clinic/emergency": CLINICIAN | COORDINATOR,
    "POST /clinic/emergency": CLINICIAN | COORDINATOR,
    "GET /clinic/emergency-accesses": ADMIN | AUDITOR,
    "POST /clinic/emergency-accesses/{access_id}/review": ADMIN | AUDITOR,
    "POST /clinic/patients/{patient_id}/assignments": STAFF,
    "POST /clinic/patients/{patient_id}/assignments/{member_id}/end": STAFF,
    "GET /clinic/reminders/{reminder_id}": STAFF,
    "GET /clinic/milestones/{milestone_id}": STAFF,
    "POST /clinic/milestones/{milestone_id}/achieve": STAFF,
    "POST /clinic/milestones/{milestone_id}/skip": STAFF,
    "POST /clinic/milestones/{milestone_id}/reopen": STAFF,
    "POST /clinic/milestones/{milestone_id}/clear": CLINICIAN,
    "POST /clinic/episodes/{episode_id}/opioid-taper": CLINICIAN,
    "POST /clinic/episodes/{episode_id}/visits": STAFF,
    "GET /clinic/wound-photos/{photo_id}": STAFF,
    "POST /clinic/visits/{visit_id}/state": STAFF,
    "POST /clinic/milestones/{milestone_id}/revoke": CLINICIAN,
    "POST /clinic/tasks/{task_id}/close": STAFF,
    "GET /clinic/episodes/{episode_id}/letters": STAFF,
    "POST /clinic/episodes/{episode_id}/letter-releases": STAFF,
    "POST /clinic/letter-releases/{release_id}/revoke": STAFF,
    "POST /clinic/episodes/{episode_id}/letters": STAFF,
    "GET /clinic/letters/{letter_id}/pdf": STAFF,
    "GET /clinic/episodes/{episode_id}/clinical-events": STAFF,
    "POST /clinic/episodes/{episode_id}/clinical-events": STAFF,
    "POST /clinic/clinical-events/{event_id}/withdraw": STAFF,
    "GET /clinic/surgeries/{surgery_id}/move": STAFF,
    "POST /clinic/surgeries/{surgery_id}/move": STAFF,
    "POST /clinic/episodes/{episode_id}/moves": STAFF,
    "GET /clinic/alerts/{alert_id}": STAFF,
    "POST /clinic/alerts/{alert_id}/acknowledge": STAFF,
    "POST /clinic/alerts/{alert_id}/contacts": STAFF,
    "POST /clinic/alerts/{alert_id}/close": STAFF,
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
    "GET /api/v1/practice/sign-in-provider": ADMIN,
    "PUT /api/v1/practice/sign-in-provider": ADMIN,
    "DELETE /api/v1/practice/sign-in-provider": ADMIN,
    "GET /api/v1/practice": STAFF,
    "GET /api/v1/practice/tables/{table}": ADMIN,
    "PATCH /api/v1/practice": ADMIN | CLINICIAN,
    "POST /api/v1/simulations": STAFF,
    "GET /api/v1/alert-rules": STAFF,
    "GET /api/v1/on-call": STAFF,
    "PUT /api/v1/on-call/{shift_id}": STAFF,
    "DELETE /api/v1/on-call/{shift_id}": STAFF,
    "GET /clinic/protocols": STAFF,
    "GET /api/v1/outcomes/milestones": STAFF,  # of groups, never of a patient
    "GET /api/v1/outcomes/recovery-bands": STAFF,
    "GET /api/v1/outcomes/safety": STAFF,
    "GET /clinic/outcomes": STAFF,
    "GET /clinic/outcomes.csv": STAFF,
    "GET /clinic/practice": ADMIN,
    "POST /clinic/practice": ADMIN,
    "GET /clinic/staff": ADMIN,
    "POST /clinic/staff": ADMIN,
    "GET /clinic/staff/{member_id}": ADMIN,
    "POST /clinic/staff/{member_id}/role": ADMIN,
    "POST /clinic/staff/{member_id}/deactivate": ADMIN,
    "POST /clinic/staff/{member_id}/reactivate": ADMIN,
    "POST /clinic/staff/{member_id}/end-sessions": ADMIN,
    "POST /clinic/staff/{member_id}/code": ADMIN,
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
