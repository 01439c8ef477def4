"""Every route: what tests of walls, of the audit trail and of repeats send."""

from typing import Any

from service.dashboard.forms import is_clinic
from service.identity.roles import WHO_MAY
from tests.api.conftest import API, Answer, Caller
from tests.pictures import picture

# Pages are walked in tests/dashboard: their callers come with a cookie, and their forms with a token.
API_ROUTES = tuple(route for route in WHO_MAY if not is_clinic(route))
MISSING = {
    "patient_id": "nobody",
    "episode_id": "nothing",
    "surgery_id": "nothing",
    "milestone_id": "nothing",
    "slot_id": "nothing",
    "check_in_id": "nothing",
    "answer_id": "nothing",
    "taper_id": "nothing",
    "visit_id": "nothing",
    "photo_id": "nothing",
    "task_id": "nothing",
    "observation_id": "nothing",
    "event_id": "nothing",
    "reminder_id": "nothing",
    "rule_id": "nothing",
    "conflict_id": "nothing",
    "refused_id": "nothing",
    "session_id": "nothing",
    "account_id": "nothing",
    "passkey_id": "nothing",
    "delivery_id": "nothing",
    "alert_id": "nothing",
    "hold_id": "nothing",
    "shift_id": "nothing",
    "staff_id": "nobody",
    "member_id": "nobody",
    "access_id": "nothing",
    "own_protocol_id": "nothing",
    "release_id": "nothing",
    "letter_id": "nothing",
    "device_id": "nothing",
    "proxy_id": "nothing",
    "view_id": "nothing",
}
# Longer than any id.
MALFORMED = dict.fromkeys(MISSING, "x" * 65)
PATIENT_BODY = {
    "given_name": "Ana",
    "family_name": "Rossi",
    "date_of_birth": "1971-02-28",
    "language": "en",
    "country": "US",
    "time_zone": "America/New_York",
    "units": "imperial",
}
SHIFT_BODY = {
    "place": "first",
    "from_on": "2026-03-02",
    "from_at": "08:00",
    "until_on": "2026-03-02",
    "until_at": "20:00",
}
RELEASE_BODY = {
    "recipient": "employer",
    "name": "Harbor Freight Lines",
    "signed_on": "2026-02-20",
    "valid_through_on": "2026-08-20",
}
PROXY_BODY = {
    "name": "Sam Whitfield",
    "relationship": "partner",
    "scopes": ["read_plan"],
    "given_how": "in_person",
    "given_on": "2026-03-02",
    "through_on": "2026-09-02",
}
CARD_BODY = {"title": "Stairs", "statements": [{"text": "Hold the rail."}], "from_day": 0, "through_day": 14}
PROVIDER_BODY = {"issuer": "https://192.0.2.1", "client_id": "recovery", "client_secret": "x"}
SURGERY_BODY = {"procedure": "lumbar_microdiscectomy", "approach": "tubular", "levels": ["L4-L5"]}
VERSION = "/api/v1/protocols/{protocol_id}/versions/{version}"
NAMES = {
    "protocol_id": "MD-MISS",
    "version": "1",
    "card_id": "dressing",
    "language": "en",
    "filename": "start.js",
    "token": "AAAAAAAAAAAAAAAAAAAAAA",
    "collection": "episodes",  # which every device holds
    "channel": "sms",
    "table": "episode",
    "urgency": "same_day",
}
# What ships is nobody's to change: these are about a draft of the clinic's own.
OF_OWN_PROTOCOLS = (f"PATCH {VERSION}", f"POST {VERSION}/release", f"POST {VERSION}/retire")
CREATING = (
    "PUT /api/v1/patients/{patient_id}",
    "PUT /api/v1/clearance-rules/{rule_id}",
    "PUT /api/v1/me/worklist-views/{view_id}",
)
SYNC = "/api/v1/sync"
ENDLESS = (
    f"GET {SYNC}/events",
    f"GET {SYNC}/rxdb/{{collection}}/{{version}}/pullStream",
    f"POST {SYNC}/powersync/sync/stream",
)
QUERIES = {
    f"GET {VERSION}/diff": "?against=MD-OPEN@1",
    "GET /api/v1/protocols/compare": "?procedure=tlif",
    "GET /api/v1/outcomes/milestones": "?procedure=tlif&kind=drive",
    "GET /api/v1/outcomes/safety": "?procedure=tlif",
    "GET /api/v1/outcomes/scores": "?procedure=tlif",
    "GET /api/v1/outcomes/recovery-bands": "?procedure=tlif&approach_class=miss",
    f"GET {SYNC}/wait": "?seconds=0",
    f"POST {SYNC}/watermelon": "?last_pulled_at=1",
}


def body_of(route: str, ids: dict[str, str]) -> Any:
    """Return a body with which `route` reaches its target."""
    bodies: dict[str, Any] = {
        "POST /api/v1/enrolments": {"patient_id": ids["patient_id"]},
        "PUT /api/v1/patients/{patient_id}": PATIENT_BODY | {"mrn": "SP-NEW"},
        "PATCH /api/v1/patients/{patient_id}": {},
        "POST /api/v1/patients/{patient_id}/erase": {"reason": "asked_by_patient", "dry_run": True},
        "POST /api/v1/patients/{patient_id}/merges": {"token": "AAAA"},
        "POST /api/v1/patients/{patient_id}/holds": {"reason": "complaint"},
        "POST /api/v1/patients/{patient_id}/holds/{hold_id}/end": {},
        "PUT /api/v1/episodes/{episode_id}": {"patient_id": ids["patient_id"], "label": "E-NEW"},
        "PATCH /api/v1/episodes/{episode_id}": {},
        "PUT /api/v1/surgeries/{surgery_id}": SURGERY_BODY | {"episode_id": ids["episode_id"], "stage": 9},
        "PATCH /api/v1/surgeries/{surgery_id}": {},
        "PUT /api/v1/check-ins/{check_in_id}": {
            "episode_id": ids["episode_id"],
            "reported_at": "2026-03-02T08:30:00Z",
            "pain": 4,
        },
        "PUT /api/v1/questionnaire-answers/{answer_id}": {
            "episode_id": ids["episode_id"],
            "instrument": "nrs",
            "answered_at": "2026-03-02T08:30:00Z",
            "answers": {"back": 4},
        },
        "PUT /api/v1/opioid-tapers/{taper_id}": {
            "episode_id": ids["episode_id"],
            "mme_tenths_per_dose": 75,
            "steps": [{"from_on": "2026-03-01", "most_mme_tenths": 300}],
        },
        "PUT /api/v1/visits/{visit_id}": {
            "episode_id": ids["episode_id"],
            "kind": "follow_up",
            "state": "booked",
            "booked_for": "2026-03-09T14:00:00Z",
        },
        "PUT /api/v1/observations/{observation_id}": {
            "episode_id": ids["episode_id"],
            "what": "opioid_taken",
            "observed_at": "2026-03-02T08:30:00Z",
        },
        "PUT /api/v1/clinical-events/{event_id}": {
            "episode_id": ids["episode_id"],
            "kind": "readmission",
            "occurred_on": "2026-03-01",
        },
        "POST /api/v1/clinical-events/{event_id}/withdraw": {},
        "POST /api/v1/episodes/{episode_id}/moves": {"token": "AAAA"},
        "PUT /api/v1/letter-releases/{release_id}": RELEASE_BODY | {"episode_id": ids["episode_id"]},
        "POST /api/v1/letter-releases/{release_id}/revoke": {},
        "POST /api/v1/patients/{patient_id}/calendar-feed": {},
        "PUT /api/v1/letters/{letter_id}": {
            "episode_id": ids["episode_id"],
            "release_id": ids["release_id"],
            "language": "en",
        },
        "POST /api/v1/milestones/{milestone_id}/clear": {},
        "POST /api/v1/milestones/{milestone_id}/revoke-clearance": {"reason": "because"},
        "PUT /api/v1/milestones/{milestone_id}/slot": {"instruction": "No food after midnight."},
        "POST /api/v1/milestones/{milestone_id}/slot/sign": {"rev": 1},
        "PATCH /api/v1/practice": {},
        "PUT /api/v1/practice/check-in-rhythm": {"phases": [], "red_flags_through_day": None, "call_days": []},
        "POST /api/v1/simulations": {},
        "PUT /api/v1/clearance-rules/{rule_id}": {"milestone_kind": "blt_end"},
        "POST /api/v1/clearance-rules/{rule_id}/retire": {},
        "POST /api/v1/milestones/{milestone_id}/achieve": {},
        "POST /api/v1/milestones/{milestone_id}/skip": {"reason": "not_applicable"},
        "POST /api/v1/milestones/{milestone_id}/reopen": {},
        "POST /api/v1/reminders/{reminder_id}/acknowledge": {},
        "POST /api/v1/reminders/{reminder_id}/snooze": {"minutes": 60},
        "POST /api/v1/tasks/{task_id}/close": {},
        "POST /api/v1/held-deliveries/{delivery_id}/release": {},
        "POST /api/v1/held-deliveries/{delivery_id}/drop": {},
        "POST /api/v1/alerts/{alert_id}/acknowledge": {},
        "POST /api/v1/alerts/{alert_id}/assign": {"staff_id": ids["staff_id"]},
        "POST /api/v1/alerts/{alert_id}/contacts": {"method": "phone", "is_reached": False},
        "POST /api/v1/alerts/{alert_id}/close": {"outcome": "no_action_needed"},
        "PUT /api/v1/alert-answering/{urgency}": {"acknowledge_minutes": 45, "escalate_minutes": 30},
        "PUT /api/v1/on-call/{shift_id}": SHIFT_BODY | {"staff_id": ids["staff_id"]},
        "PUT /api/v1/me/worklist-views/{view_id}": {"name": ids["view_id"]},
        "PUT /api/v1/me/alert-addresses/{channel}": {"address": "+12125550188"},
        "POST /api/v1/conflicts/{conflict_id}/resolve": {"keep": "kept"},
        "POST /api/v1/refused-rows/{refused_id}/done": {},
        "POST /api/v1/providers/sms/status": {},
        "POST /api/v1/providers/sms/inbound": {},
        "POST /api/v1/providers/mail/events": {},
        "PUT /api/v1/push-address": {"provider": "apns", "token": "a1" * 32},
        "POST /api/v1/protocols/{protocol_id}/copies": {"version": 1, "id": "own"},
        "PUT /api/v1/cards/{card_id}/{language}": CARD_BODY,
        "POST /api/v1/cards/{card_id}/{language}/sign": {},
        f"PATCH {VERSION}": {},
        f"POST {VERSION}/sign": {},
        f"POST {VERSION}/release": {},
        f"POST {VERSION}/retire": {},
        f"POST {VERSION}/migrations": {},
        f"POST {SYNC}/watermelon": {},
        f"POST {SYNC}/rxdb/{{collection}}/{{version}}/push": [],
        f"POST {SYNC}/powersync/sync/stream": {},
        f"POST {SYNC}/powersync/crud": {"crud": []},
        "POST /api/v1/sign-in": {"practice": "none", "email": "nobody@example.org", "password": "x"},
        "POST /api/v1/sign-in/password": {"code": "x", "password": "x"},
        "POST /api/v1/sign-in/second-factor": {"challenge": "x", "code": "000000"},
        "POST /api/v1/sign-in/authenticator": {"challenge": "x"},
        "POST /api/v1/sign-in/authenticator/confirm": {"challenge": "x", "code": "000000"},
        "POST /api/v1/sign-in/passkey/options": {},
        "POST /api/v1/sign-in/passkey": {"passkey": {}},
        "POST /api/v1/me/passkeys": {"name": "Phone", "passkey": {}},
        "PUT /api/v1/practice/sign-in-provider": PROVIDER_BODY,
        "POST /api/v1/service-accounts": {"name": "Records", "scopes": ["patients:read"]},
        "POST /api/v1/patients/{patient_id}/assignments": {"staff_id": ids["staff_id"]},
        "POST /api/v1/emergency-accesses": {
            "mrn": "SP-NOBODY",
            "date_of_birth": "1971-02-28",
            "reason": "other",
            "note": "because",
        },
        "POST /api/v1/emergency-accesses/{access_id}/review": {},
        "POST /api/v1/staff": {"name": "Dana Okafor", "email": "not an address", "role": "coordinator"},
        "POST /api/v1/staff/{member_id}/role": {"role": "clinician"},
        "POST /api/v1/staff/{member_id}/code": {"lost": "second_factor"},
        "POST /api/v1/patients/{patient_id}/proxies": PROXY_BODY,
        "POST /api/v1/devices/wiped": {"token": "x"},
        "POST /api/v1/me/step-up": {"code": "000000"},
        "POST /api/v1/me/password": {"old_password": "x", "new_password": "x"},
        "POST /api/v1/me/authenticator/confirm": {"code": "000000"},
        "POST /m/{token}": {},
        "POST /m/{token}/check-in": {},
    }
    return bodies.get(route)


def call(who: Caller, route: str, ids: dict[str, str], *, body: Any = None) -> Answer:
    """Call `route` on the target that `ids` name, with a body that reaches it unless another one is given."""
    method, path = route.split(" ")
    if "/slot" in route:
        ids = ids | {"milestone_id": ids["slot_id"]}
    if route in OF_OWN_PROTOCOLS:
        ids = ids | {"protocol_id": ids["own_protocol_id"]}
    path = path.removeprefix(API).format_map(NAMES | ids)
    if route == "POST /api/v1/import":
        return who.call("POST", path, data="mrn\n", content_type="text/csv")
    if route == f"PUT {VERSION}":
        return who.call("PUT", path, data="id = 1", content_type="application/toml")
    if route == "PUT /api/v1/wound-photos/{photo_id}":
        path += f"?episode_id={ids['episode_id']}&taken_at=2026-03-01T08:00:00Z"
        return who.call("PUT", path, data=picture(), content_type="image/png")
    path += QUERIES.get(route, "")
    body = body_of(route, ids) if body is None else body
    if route in ENDLESS:
        with who.call(method, path, json=body, buffered=False) as answer:
            return answer
    return who.call(method, path) if body is None else who.call(method, path, json=body)


def is_about_somebody(route: str) -> bool:
    """Return whether a route names one thing, in its path or its body, that a caller may not reach."""
    return any(f"{{{name}}}" in route for name in MISSING) or route in ("POST /api/v1/enrolments", *OF_OWN_PROTOCOLS)


def creates(route: str, target: str) -> bool:
    """Return whether a PUT makes a new row under whatever id it is given."""
    return route in CREATING and target in ("foreign", "missing")
