"""Every route with a target of each kind: what tests of walls, of the audit trail and of repeats send."""

from base64 import b64encode
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from zlib import crc32

from sqlalchemy.orm import Session

from models import (
    Alert,
    CareAssignment,
    CheckIn,
    ClearanceRule,
    ClinicalEvent,
    Delivery,
    Device,
    EmergencyAccess,
    Letter,
    LetterRelease,
    Milestone,
    ObservedFact,
    OnCallShift,
    OpioidTaper,
    Passkey,
    QuestionnaireAnswer,
    RecordHold,
    Reminder,
    SavedView,
    ServiceAccount,
    Staff,
    StaffIdentity,
    Task,
    Token,
    Visit,
    WoundPhoto,
)
from models.care import Reporter
from models.caseload import EmergencyReason
from models.hold import HoldReason
from models.identity import TokenKind
from models.letter import Recipient
from models.reminder import DeliveryState
from models.report import ClinicalEventKind, TaskKind, VisitKind, VisitState
from schedules.plan.vocabulary import (
    AlertKind,
    AlertState,
    AlertUrgency,
    Instrument,
    Language,
    Observation,
    WorkStatus,
)
from service.care.own_protocols import copy_protocol
from service.dashboard.forms import is_clinic
from service.identity.principal import Principal
from service.identity.roles import WHO_MAY
from tests import builders
from tests.api.conftest import API, Answer, Caller, Clinic
from tests.clock import MONDAY_AFTERNOON
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


def add_targets(session: Session, clinic: Clinic, *, other: bool) -> dict[str, str]:
    """Store one of everything that a route may be about, and return the ids by the names that routes give them."""
    episode = clinic.other_episode if other else clinic.episode
    surgery = clinic.other_surgery if other else clinic.surgery
    whose = {"practice_id": clinic.id, "patient_id": episode.patient_id, "episode_id": episode.id}
    at = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
    name = f"{'b' if other else 'a'}-{clinic.id}"
    session.add(CheckIn(id=name, reported_at=at, received_at=at, reported_by=Reporter.patient, pain=3, **whose))
    told = {"received_at": at, "reported_by": Reporter.patient}
    session.add(QuestionnaireAnswer(id=name, instrument=Instrument.nrs, answered_at=at, answers={}, **told, **whose))
    fact = ObservedFact(id=name, what=Observation.opioid_taken, observed_at=at, recorded_at=at, **whose)
    fact.reported_by = Reporter.patient
    session.add(fact)
    taper = OpioidTaper(id=name, mme_tenths_per_dose=75, entered_by=clinic.clinician.id, entered_at=at, **whose)
    taper.steps = [{"from_on": "2026-03-01", "most_mme_tenths": 300}]
    session.add(taper)
    photo = WoundPhoto(id=name, taken_at=at, sent_digest=sha256(picture()).hexdigest(), **told, **whose)
    photo.width, photo.height, photo.size_bytes = 8, 6, len(picture())
    session.add(photo)
    photo.picture = b64encode(picture()).decode()
    session.add(Visit(id=name, kind=VisitKind.follow_up, state=VisitState.booked, booked_for=at, **whose))
    went_wrong = ClinicalEvent(id=name, kind=ClinicalEventKind.readmission, occurred_on=at.date(), **whose)
    went_wrong.recorded_at = at
    session.add(went_wrong)
    session.add(Task(id=name, kind=TaskKind.fill_slot, created_at=at, about={}, **whose))
    builders.conflict(session, clinic.other_patient if other else clinic.patient, id=name)
    builders.refused_row(session, clinic.other_patient if other else clinic.patient, id=name)
    told_of = {"kind": AlertKind.red_flag, "urgency": AlertUrgency.same_day, "state": AlertState.acknowledged}
    alert = Alert(id=name, raised_at=at, about={"red_flag": "calf", "check_in_id": name}, **told_of, **whose)
    alert.acknowledged_at, alert.acknowledged_by, alert.owner_id = at, clinic.coordinator.id, clinic.coordinator.id
    session.add(alert)
    days = {"from_on": at.date(), "from_at": time(8), "until_on": at.date(), "until_at": time(20)}
    shift = OnCallShift(practice_id=clinic.id, id=name, staff_id=clinic.coordinator.id, place="first", **days)
    session.add(shift)
    hold = {"practice_id": clinic.id, "patient_id": episode.patient_id, "placed_at": at}
    session.add(RecordHold(id=name, reason=HoldReason.other, **hold))
    rule = ClearanceRule(id=name, practice_id=clinic.id, milestone_kind="blt_end", signed_by=clinic.clinician.id)
    rule.signed_at = at
    session.add(rule)
    account = ServiceAccount(practice_id=clinic.id, id=name, name="Records", scopes=["import"], made_at=at)
    account.key_hash, account.expires_at = f"key-{name}".encode(), datetime(2027, 3, 1, tzinfo=UTC)
    session.add(account)
    session.add(Device(practice_id=clinic.id, id=name, patient_id=episode.patient_id, enrolled_at=at))
    whom = clinic.other_patient if other else clinic.patient
    consent = builders.proxy_consent(session, whom, clinic.coordinator, id=name)
    colleague = builders.staff(session, clinic.practice) if other else clinic.coordinator
    add_session_row(session, colleague, name)
    add_passkey_row(session, colleague, name)
    add_view_row(session, colleague, name)
    add_letter(session, clinic, whose, name)
    member = builders.staff(session, clinic.practice)
    link = {"issuer": "https://login.hudson.example.org", "subject": name, "linked_at": at}
    session.add(StaffIdentity(practice_id=clinic.id, id=name, staff_id=member.id, **link))
    given = CareAssignment(practice_id=clinic.id, id=name, patient_id=episode.patient_id, staff_id=member.id)
    given.assigned_at, given.assigned_by = at, clinic.coordinator.id
    session.add(given)
    opened = EmergencyAccess(practice_id=clinic.id, id=name, patient_id=episode.patient_id, staff_id=member.id)
    opened.reason, opened.opened_at, opened.expires_at = EmergencyReason.other, at, at + timedelta(hours=1)
    session.add(opened)
    items = session.query(Milestone).filter_by(practice_id=clinic.id, episode_id=episode.id)
    walking, fasting = (items.filter_by(key=key).one() for key in ("walk30", "fasting"))
    goal = session.query(Reminder).filter_by(practice_id=clinic.id, milestone_id=walking.id, key="goal").one()
    open_ones = session.query(Delivery).filter_by(practice_id=clinic.id, patient_id=episode.patient_id)
    held = open_ones.filter(Delivery.reminder_id != goal.id).order_by(Delivery.due_at.desc()).first()
    assert held is not None
    held.state = DeliveryState.held
    return {
        "patient_id": episode.patient_id,
        "episode_id": episode.id,
        "surgery_id": surgery.id,
        "milestone_id": walking.id,
        "slot_id": fasting.id,
        "check_in_id": name,
        "answer_id": name,
        "taper_id": name,
        "visit_id": name,
        "photo_id": name,
        "task_id": name,
        "observation_id": name,
        "event_id": name,
        "reminder_id": goal.id,
        "rule_id": name,
        "conflict_id": name,
        "refused_id": name,
        "session_id": name,
        "account_id": name,
        "passkey_id": name,
        "delivery_id": held.id,
        "alert_id": name,
        "shift_id": name,
        "hold_id": name,
        "staff_id": clinic.coordinator.id,
        "member_id": member.id,
        "access_id": name,
        "own_protocol_id": add_own_protocol(session, clinic, name),
        "release_id": name,
        "letter_id": name,
        "device_id": name,
        "proxy_id": consent.id,
        "view_id": name,
    }


def add_letter(session: Session, clinic: Clinic, whose: dict[str, str], name: str) -> None:
    """Store a release and a letter that left under it."""
    days = {"signed_on": date(2026, 2, 20), "valid_through_on": date(2026, 8, 20)}
    made = {"recorded_at": MONDAY_AFTERNOON, "recorded_by": clinic.coordinator.id}
    release = LetterRelease(id=name, recipient=Recipient.employer, tells_diagnosis=False, **days, **made, **whose)
    session.add(release)
    release.name = str(RELEASE_BODY["name"])
    letter = Letter(id=name, release_id=name, number=1, language=Language.en, status=WorkStatus.prevented, **whose)
    session.add(letter)
    letter.status_on, letter.made_at, letter.made_by = date(2026, 3, 2), MONDAY_AFTERNOON, clinic.coordinator.id
    letter.facts_digest = letter.pdf_digest = "0" * 64
    letter.pdf = "JVBERi0="


def add_own_protocol(session: Session, clinic: Clinic, name: str) -> str:
    """Store a draft of a protocol that is the clinic's own, and return its id."""
    author = Principal(clinic.id, clinic.clinician.id, role=clinic.clinician.role)
    own_id = f"own-{crc32(name.encode())}"
    copy_protocol(session, author, "MD-MISS", version=1, own_id=own_id, now=MONDAY_AFTERNOON)
    return own_id


def add_session_row(session: Session, staff: Staff, name: str) -> None:
    """Store a session of a member of staff that somebody may end."""
    ends_at = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
    used = {"made_at": MONDAY_AFTERNOON, "last_seen_at": MONDAY_AFTERNOON, "reauthenticated_at": MONDAY_AFTERNOON}
    row = Token(practice_id=staff.practice_id, id=name, token_hash=name.encode(), expires_at=ends_at, **used)
    row.kind, row.staff_id, row.label = TokenKind.staff_session, staff.id, "Firefox"
    session.add(row)


def add_passkey_row(session: Session, staff: Staff, name: str) -> None:
    """Store a passkey of a member of staff that somebody may remove."""
    row = Passkey(practice_id=staff.practice_id, id=name, staff_id=staff.id, name="Phone", made_at=MONDAY_AFTERNOON)
    row.credential_id, row.public_key, row.sign_count = f"key-{name}".encode(), b"", 0
    session.add(row)


def add_view_row(session: Session, staff: Staff, name: str) -> None:
    """Store a view of the worklist that a member of staff keeps."""
    row = SavedView(practice_id=staff.practice_id, id=name, staff_id=staff.id, made_at=MONDAY_AFTERNOON)
    session.add(row)
    row.filters, row.is_default, row.name = {"why": "behind"}, False, "Behind"


def is_about_somebody(route: str) -> bool:
    """Return whether a route names one thing, in its path or its body, that a caller may not reach."""
    return any(f"{{{name}}}" in route for name in MISSING) or route in ("POST /api/v1/enrolments", *OF_OWN_PROTOCOLS)


def creates(route: str, target: str) -> bool:
    """Return whether a PUT makes a new row under whatever id it is given."""
    return route in CREATING and target in ("foreign", "missing")
