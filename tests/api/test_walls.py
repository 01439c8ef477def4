"""Every route, every kind of caller, every kind of target: the answers equal the role table, and give nothing away."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import Alert, CheckIn, Milestone, ObservedFact, OnCallShift, QuestionnaireAnswer, Reminder, Task, Token
from models.care import Reporter
from models.identity import TokenKind
from models.report import TaskKind
from schedules.plan.vocabulary import AlertKind, AlertState, AlertUrgency, Instrument, Observation
from service.api.scope import template
from service.identity.principal import Principal
from service.identity.roles import ANYONE, STAFF, WHO_MAY, may_call
from tests import builders
from tests.api.conftest import API, Answer, Caller, Clinic, Look, as_patient, as_staff
from tests.clock import MONDAY_AFTERNOON

MISSING = {
    "patient_id": "nobody",
    "episode_id": "nothing",
    "surgery_id": "nothing",
    "milestone_id": "nothing",
    "slot_id": "nothing",
    "check_in_id": "nothing",
    "answer_id": "nothing",
    "task_id": "nothing",
    "observation_id": "nothing",
    "reminder_id": "nothing",
    "rule_id": "nothing",
    "conflict_id": "nothing",
    "refused_id": "nothing",
    "session_id": "nothing",
    "alert_id": "nothing",
    "shift_id": "nothing",
    "staff_id": "nobody",
}
PATIENT_BODY = {
    "given_name": "Ana",
    "family_name": "Rossi",
    "date_of_birth": "1971-02-28",
    "language": "en",
    "country": "US",
    "time_zone": "America/New_York",
    "units": "imperial",
}
SURGERY_BODY = {"procedure": "lumbar_microdiscectomy", "approach": "tubular", "levels": ["L4-L5"]}
SHIFT_BODY = {
    "place": "first",
    "from_on": "2026-03-02",
    "from_at": "08:00",
    "until_on": "2026-03-02",
    "until_at": "20:00",
}

VERSION = "/api/v1/protocols/{protocol_id}/versions/{version}"
# Staff reach these; of staff, the use case lets clinicians or the practice's admin only.
NOT_FOR_COORDINATORS = frozenset(
    {
        "POST /api/v1/milestones/{milestone_id}/clear",
        "POST /api/v1/milestones/{milestone_id}/revoke-clearance",
        "PUT /api/v1/milestones/{milestone_id}/slot",
        "POST /api/v1/milestones/{milestone_id}/slot/sign",
        "PATCH /api/v1/practice",
        # For people who signed in themselves: the callers here have tokens that a command made.
        "POST /api/v1/me/step-up",
        "POST /api/v1/me/sign-out",
        "POST /api/v1/me/end-other-sessions",
        "POST /api/v1/me/password",
        "POST /api/v1/me/authenticator",
        "POST /api/v1/me/authenticator/confirm",
        "POST /api/v1/me/recovery-codes",
        "PUT /api/v1/clearance-rules/{rule_id}",
        "POST /api/v1/clearance-rules/{rule_id}/retire",
        "POST /api/v1/protocols/{protocol_id}/copies",
        *(f"{method} {VERSION}" for method in ("PUT", "PATCH")),
        *(f"POST {VERSION}/{action}" for action in ("sign", "release", "retire", "migrations")),
    }
)


NAMES = {
    "protocol_id": "MD-MISS",
    "version": "1",
    "filename": "start.js",
    "token": "AAAAAAAAAAAAAAAAAAAAAA",
    "collection": "check_ins",
    "channel": "sms",
}
SYNC = "/api/v1/sync"
ENDLESS = (
    f"GET {SYNC}/events",
    f"GET {SYNC}/rxdb/{{collection}}/{{version}}/pullStream",
    f"POST {SYNC}/powersync/sync/stream",
)
QUERIES = {
    f"GET {VERSION}/diff": "?against=MD-OPEN@1",
    "GET /api/v1/protocols/compare": "?procedure=tlif",
    f"GET {SYNC}/wait": "?seconds=0",
    f"POST {SYNC}/watermelon": "?last_pulled_at=1",
}


def body_of(route: str, ids: dict[str, str]) -> Any:
    """Return a body with which `route` reaches its target."""
    bodies: dict[str, Any] = {
        "POST /api/v1/enrolments": {"patient_id": ids["patient_id"]},
        "PUT /api/v1/patients/{patient_id}": PATIENT_BODY | {"mrn": "SP-NEW"},
        "PATCH /api/v1/patients/{patient_id}": {},
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
        "PUT /api/v1/observations/{observation_id}": {
            "episode_id": ids["episode_id"],
            "what": "opioid_taken",
            "observed_at": "2026-03-02T08:30:00Z",
        },
        "POST /api/v1/episodes/{episode_id}/moves": {"token": "AAAA"},
        "POST /api/v1/milestones/{milestone_id}/clear": {},
        "POST /api/v1/milestones/{milestone_id}/revoke-clearance": {"reason": "because"},
        "PUT /api/v1/milestones/{milestone_id}/slot": {"instruction": "No food after midnight."},
        "POST /api/v1/milestones/{milestone_id}/slot/sign": {"rev": 1},
        "PATCH /api/v1/practice": {},
        "POST /api/v1/simulations": {},
        "PUT /api/v1/clearance-rules/{rule_id}": {"milestone_kind": "blt_end"},
        "POST /api/v1/clearance-rules/{rule_id}/retire": {},
        "POST /api/v1/milestones/{milestone_id}/achieve": {},
        "POST /api/v1/milestones/{milestone_id}/skip": {"reason": "not_applicable"},
        "POST /api/v1/milestones/{milestone_id}/reopen": {},
        "POST /api/v1/reminders/{reminder_id}/acknowledge": {},
        "POST /api/v1/reminders/{reminder_id}/snooze": {"minutes": 60},
        "POST /api/v1/tasks/{task_id}/close": {},
        "POST /api/v1/alerts/{alert_id}/acknowledge": {},
        "POST /api/v1/alerts/{alert_id}/assign": {"staff_id": ids["staff_id"]},
        "POST /api/v1/alerts/{alert_id}/contacts": {"method": "phone", "is_reached": False},
        "POST /api/v1/alerts/{alert_id}/close": {"outcome": "no_action_needed"},
        "PUT /api/v1/on-call/{shift_id}": SHIFT_BODY | {"staff_id": ids["staff_id"]},
        "PUT /api/v1/me/alert-addresses/{channel}": {"address": "+12125550188"},
        "POST /api/v1/conflicts/{conflict_id}/resolve": {"keep": "kept"},
        "POST /api/v1/refused-rows/{refused_id}/done": {},
        "POST /api/v1/providers/sms/status": {},
        "POST /api/v1/providers/sms/inbound": {},
        "POST /api/v1/providers/mail/events": {},
        "PUT /api/v1/push-address": {"provider": "apns", "token": "a1" * 32},
        "POST /api/v1/protocols/{protocol_id}/copies": {"version": 1, "id": "own"},
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
        "POST /api/v1/me/step-up": {"code": "000000"},
        "POST /api/v1/me/password": {"old_password": "x", "new_password": "x"},
        "POST /api/v1/me/authenticator/confirm": {"code": "000000"},
        "POST /m/{token}": {},
        "POST /m/{token}/check-in": {},
    }
    return bodies.get(route)


def call(who: Caller, route: str, ids: dict[str, str]) -> Answer:
    """Call `route` on the target that `ids` name."""
    method, path = route.split(" ")
    if "/slot" in route:
        ids = ids | {"milestone_id": ids["slot_id"]}
    path = path.removeprefix(API).format_map(ids | NAMES)
    if route == "POST /api/v1/import":
        return who.call("POST", path, data="mrn\n", content_type="text/csv")
    if route == f"PUT {VERSION}":
        return who.call("PUT", path, data="id = 1", content_type="application/toml")
    path += QUERIES.get(route, "")
    body = body_of(route, ids)
    if route in ENDLESS:
        with who.call(method, path, json=body, buffered=False) as answer:
            return answer
    return who.call(method, path) if body is None else who.call(method, path, json=body)


@pytest.fixture
def targets(session: Session, clinic: Clinic, foreign_clinic: Clinic) -> dict[str, dict[str, str]]:
    """Return the ids of everything that belongs to the patient, another patient, another clinic's, and nobody."""
    own = add_targets(session, clinic, other=False)
    other = add_targets(session, clinic, other=True)
    foreign = add_targets(session, foreign_clinic, other=False)
    session.commit()
    return {"own": own, "other": other, "foreign": foreign, "missing": MISSING}


def add_targets(session: Session, clinic: Clinic, *, other: bool) -> dict[str, str]:
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
    session.add(Task(id=name, kind=TaskKind.fill_slot, created_at=at, about={}, **whose))
    builders.conflict(session, clinic.other_patient if other else clinic.patient, id=name)
    builders.refused_row(session, clinic.other_patient if other else clinic.patient, id=name)
    told_of = {"kind": AlertKind.red_flag, "urgency": AlertUrgency.same_day, "state": AlertState.acknowledged}
    alert = Alert(id=name, raised_at=at, about={"red_flag": "calf", "check_in_id": name}, **told_of, **whose)
    alert.acknowledged_at, alert.acknowledged_by, alert.owner_id = at, clinic.coordinator.id, clinic.coordinator.id
    session.add(alert)
    shift = {name: value for name, value in SHIFT_BODY.items() if name == "place"}
    days = {"from_on": at.date(), "from_at": time(8), "until_on": at.date(), "until_at": time(20)}
    session.add(OnCallShift(practice_id=clinic.id, id=name, staff_id=clinic.coordinator.id, **shift, **days))
    ends_at = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
    used = {"made_at": MONDAY_AFTERNOON, "last_seen_at": MONDAY_AFTERNOON, "reauthenticated_at": MONDAY_AFTERNOON}
    own_session = Token(practice_id=clinic.id, id=name, token_hash=name.encode(), expires_at=ends_at, **used)
    own_session.kind, own_session.staff_id, own_session.label = (
        TokenKind.staff_session,
        clinic.coordinator.id,
        "Firefox",
    )
    session.add(own_session)
    items = session.query(Milestone).filter_by(practice_id=clinic.id, episode_id=episode.id)
    walking, fasting = (items.filter_by(key=key).one() for key in ("walk30", "fasting"))
    goal = session.query(Reminder).filter_by(practice_id=clinic.id, milestone_id=walking.id, key="goal").one()
    return {
        "patient_id": episode.patient_id,
        "episode_id": episode.id,
        "surgery_id": surgery.id,
        "milestone_id": walking.id,
        "slot_id": fasting.id,
        "check_in_id": name,
        "answer_id": name,
        "task_id": name,
        "observation_id": name,
        "reminder_id": goal.id,
        "rule_id": name,
        "conflict_id": name,
        "refused_id": name,
        "session_id": name,
        "alert_id": name,
        "shift_id": name,
        "staff_id": clinic.coordinator.id,
    }


def verdict(answer: Answer) -> str:
    return {401: "401", 403: "403", 404: "404"}.get(answer.status_code, "reached")


def is_about_somebody(route: str) -> bool:
    return any(f"{{{name}}}" in route for name in MISSING) or route == "POST /api/v1/enrolments"


def creates(route: str, target: str) -> bool:
    """Return whether a PUT makes a new row under whatever id it is given."""
    return route == "PUT /api/v1/patients/{patient_id}" and target in ("foreign", "missing")


def expected(route: str, kind: str, target: str) -> str:
    who = WHO_MAY[route]
    if " /m/" in route:
        return "403" if route.startswith("POST") else "reached"
    if who is ANYONE:
        return "401" if route.startswith("POST") else "reached"
    if kind == "anonymous":
        return "401"
    if kind not in who or (kind == "staff" and route in NOT_FOR_COORDINATORS):
        return "403"
    within = ("own",) if kind == "patient" else ("own", "other")
    if target in within or not is_about_somebody(route) or creates(route, target):
        return "reached"
    return "404"


@pytest.mark.parametrize("kind", ["anonymous", "patient", "staff"])
def test_every_route_answers_each_kind_of_caller_as_the_role_table_says(
    kind: str,
    app: Flask,
    session: Session,
    clinic: Clinic,
    anonymous: Caller,
    targets: dict[str, dict[str, str]],
) -> None:
    callers = {
        "anonymous": lambda: anonymous,
        "patient": lambda: as_patient(app, session, clinic.patient),
        "staff": lambda: as_staff(app, session, clinic.coordinator),
    }
    who = callers[kind]()
    secrets = {
        "POST /api/v1/devices": {"code": "0000-0000-0000"},
        "POST /api/v1/tokens/refresh": {"refresh_token": "x"},
    }

    came, should = {}, {}
    for route in WHO_MAY:
        for target in ("missing", "foreign", "other", "own"):
            ids = targets[target] | ({"patient_id": "new"} if creates(route, target) else {})
            answer = who.post(route[12:], secrets[route]) if route in secrets else call(who, route, ids)
            came[route, target] = verdict(answer)
            should[route, target] = expected(route, kind, target)

    assert came == should


@pytest.mark.parametrize("kind", ["patient", "staff"])
def test_what_is_another_clinics_answers_exactly_as_what_does_not_exist(
    kind: str, app: Flask, session: Session, clinic: Clinic, targets: dict[str, dict[str, str]]
) -> None:
    is_staff = kind == "staff"
    who = as_staff(app, session, clinic.coordinator) if is_staff else as_patient(app, session, clinic.patient)
    compared = 0

    for route in WHO_MAY:
        if expected(route, kind, "missing") != "404":
            continue
        answers = [call(who, route, targets[target]) for target in ("foreign", "missing")]
        foreign, missing = ((each.status_code, each.get_data(), list(each.headers)) for each in answers)
        assert foreign == missing, route
        compared += 1

    assert compared >= 12


def test_a_patient_finds_no_difference_between_another_patients_row_and_none(
    patient: Caller, targets: dict[str, dict[str, str]]
) -> None:
    for route in WHO_MAY:
        if expected(route, "patient", "missing") == "404":
            other, missing = (call(patient, route, targets[target]) for target in ("other", "missing"))
            assert (other.status_code, other.get_data()) == (missing.status_code, missing.get_data()), route


@pytest.mark.sqlite_only
def test_every_route_stands_in_the_role_table(app: Flask) -> None:
    served = {
        f"{method} {template(rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }

    assert served == set(WHO_MAY)


@pytest.mark.sqlite_only
def test_a_route_without_an_entry_is_refused_to_everybody(
    coordinator: Caller, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(WHO_MAY, "GET /api/v1/protocols")

    answer = coordinator.get("/protocols")

    assert answer.status_code == 403
    assert not may_call("GET /api/v1/unlisted", Principal("practice", "somebody", patient_id="patient"))


@pytest.mark.sqlite_only
def test_head_is_decided_like_get(anonymous: Caller, patient: Caller, clinic: Clinic) -> None:
    assert WHO_MAY["GET /api/v1/patients"] == STAFF
    assert anonymous.call("HEAD", "/patients").status_code == 401
    assert patient.call("HEAD", "/patients").status_code == 403
    assert patient.call("HEAD", f"/patients/{clinic.patient.id}").status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Token abc", "Bearer wrong", "Bearer \x7f"])
@pytest.mark.sqlite_only
def test_only_a_known_bearer_token_signs_in(anonymous: Caller, header: str) -> None:
    answer = anonymous.get("/patients", headers={"Authorization": header})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.sqlite_only
def test_a_token_in_the_address_does_not_sign_in(coordinator: Caller, anonymous: Caller) -> None:
    answer = anonymous.get(f"/patients?access_token={coordinator.token}")

    assert answer.status_code == 401


def test_a_phone_cannot_take_over_another_patients_answers(
    patient: Caller, clinic: Clinic, targets: dict[str, dict[str, str]], look: Look
) -> None:
    body = body_of("PUT /api/v1/questionnaire-answers/{answer_id}", targets["own"])

    answer = patient.put(f"/questionnaire-answers/{targets['other']['answer_id']}", body)

    (row,) = look(QuestionnaireAnswer, practice_id=clinic.id, id=targets["other"]["answer_id"])
    assert (answer.status_code, row.answers, row.patient_id) == (404, {}, clinic.other_patient.id)


def test_a_phone_cannot_take_over_another_patients_check_in(
    patient: Caller, clinic: Clinic, targets: dict[str, dict[str, str]], look: Look
) -> None:
    body = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 9}

    answer = patient.put(f"/check-ins/{targets['other']['check_in_id']}", body)

    (row,) = look(CheckIn, practice_id=clinic.id, id=targets["other"]["check_in_id"])
    assert (answer.status_code, row.pain, row.patient_id) == (404, 3, clinic.other_patient.id)
