"""Every route, every kind of caller, every kind of target: the answers equal the role table, and give nothing away."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from models import CheckIn, Device, ProxyConsent, QuestionnaireAnswer, ServiceAccount, Staff, Token
from models.people import StaffRole
from models.proxy import ProxyScope
from models.service_account import Scope
from service.api.scope import template
from service.db import db
from service.errors import ForbiddenError
from service.identity.callers import ANYONE
from service.identity.principal import PATIENT_WORD, Principal
from service.identity.roles import PARTS, WHO_MAY, refuse_unless_may_call
from service.identity.tokens import enrol_device
from tests import builders
from tests.api.conftest import Answer, Caller, Clinic, Look, as_patient, as_proxy, as_service, as_signed_in
from tests.api.every_route import API_ROUTES, MALFORMED, MISSING, body_of, call, creates, is_about_somebody
from tests.api.properties import answer_schemas, undeclared
from tests.api.route_targets import add_passkey_row, add_session_row, add_targets, add_view_row
from tests.clock import MONDAY_AFTERNOON

Targets = dict[str, dict[str, str]]
Case = tuple[str, str]  # a route and a target
SIGNED_IN = [route for route in API_ROUTES if WHO_MAY[route] is not ANYONE]
SECRETS = {
    "POST /api/v1/devices": {"code": "0000-0000-0000"},
    "POST /api/v1/tokens/refresh": {"refresh_token": "x"},
    "POST /api/v1/devices/wiped": {"token": "x"},
    "POST /api/v1/sign-in/passkey/options": {"challenge": "x"},
}
# Of what a clinic has one at most, and this one has none.
NOT_SET = (
    "GET /api/v1/practice/sign-in-provider",
    "GET /api/v1/practice/sign-in-provider/check",
    "DELETE /api/v1/practice/sign-in-provider",
)


def served(app: Flask) -> set[str]:
    """Return every route and method that the application answers."""
    return {
        f"{method} {template(rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }


@pytest.fixture
def targets(session: Session, clinic: Clinic, foreign_clinic: Clinic) -> Targets:
    """Return the ids of everything that belongs to the patient, another patient, another clinic's, and nobody."""
    own = add_targets(session, clinic, other=False)
    other = add_targets(session, clinic, other=True)
    foreign = add_targets(session, foreign_clinic, other=False)
    session.commit()
    return {"missing": MISSING, "malformed": MALFORMED, "foreign": foreign, "other": other, "own": own}


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """Yield what the application asks the database, as it goes along."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def verdict(answer: Answer) -> str:
    """Return how a request ended as far as walls go."""
    if answer.status_code == 403:
        # Whoever is asked for a second factor or a password once more has passed the table.
        return "403" if answer.json["code"] == "forbidden" else "reached"
    return {401: "401", 404: "404"}.get(answer.status_code, "reached" if answer.status_code < 500 else "fault")


def differences(came: dict[Case, str], should: dict[Case, str]) -> dict[Case, tuple[str, str]]:
    """Return what came otherwise than it should: what came, and what should have."""
    return {case: (came[case], should[case]) for case in came if came[case] != should[case]}


def expected(route: str, word: str, target: str) -> str:
    """Return how a request of a caller whom the table calls `word` must end."""
    who = WHO_MAY[route]
    if who is None or word not in who:
        return "403"
    if route in NOT_SET:
        return "404"
    if target == "malformed":
        return "404" if is_about_somebody(route) and "{" in route else "reached"
    within = ("own",) if word in (PATIENT_WORD, *ProxyScope) or route in PARTS["oneself"] else ("own", "other")
    if target in within or not is_about_somebody(route) or creates(route, target):
        return "reached"
    return "404"


@pytest.mark.sqlite_only
def test_every_route_that_is_served_stands_in_the_table_and_no_other(app: Flask) -> None:
    assert served(app) == set(WHO_MAY)


def test_whoever_has_not_signed_in_is_refused_everywhere_but_at_public_routes(
    app: Flask, anonymous: Caller, targets: Targets
) -> None:
    came: dict[Case, str] = {}
    should: dict[Case, str] = {}
    for route in API_ROUTES:
        for target in ("own", "missing"):
            is_secret = route in SECRETS
            answer = (
                anonymous.post(route[12:], SECRETS[route]) if is_secret else call(anonymous, route, targets[target])
            )
            came[route, target] = verdict(answer) if " /m/" not in route else str(answer.status_code)
            is_public = WHO_MAY[route] is ANYONE
            should[route, target] = "reached" if is_public and not route.startswith("POST") else "401"
            if route == "GET /health/worker":
                should[route, target] = "fault"  # none runs here
            if " /m/" in route:
                should[route, target] = "403" if route.startswith("POST") else "200"
            if " /calendar/" in route:
                should[route, target] = "404"  # an address that is nobody's

    assert differences(came, should) == {}


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "ended",
    [
        "idle",
        "expired",
        "signed out",
        "disabled",
        "refresh token",
        "lost phone",
        "ended consent",
        "revoked key",
        "expired key",
    ],
)
def test_what_has_ended_or_is_no_token_of_requests_opens_nothing(
    ended: str, app: Flask, session: Session, clinic: Clinic, targets: Targets
) -> None:
    who = caller_whose(ended, app, session, clinic)

    came = {route: verdict(call(who, route, targets["own"])) for route in SIGNED_IN}

    assert came == dict.fromkeys(SIGNED_IN, "401")


def caller_whose(ended: str, app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return a caller whose access has ended in one way, or never was."""
    if ended in ("refresh token", "lost phone"):
        tokens = enrol_device(session, clinic.id, clinic.patient.id, MONDAY_AFTERNOON)
        if ended == "lost phone":
            session.execute(update(Device).values(revoked_at=MONDAY_AFTERNOON))
        session.commit()
        return Caller(app.test_client(), tokens.refresh.secret if ended == "refresh token" else tokens.access.secret)
    if ended == "ended consent":
        proxy = as_proxy(app, session, clinic, *ProxyScope)
        session.execute(update(ProxyConsent).values(ends_at=MONDAY_AFTERNOON))
        session.commit()
        return proxy
    if ended in ("revoked key", "expired key"):
        key = as_service(app, session, clinic, *Scope)
        column = "revoked_at" if ended == "revoked key" else "expires_at"
        session.execute(update(ServiceAccount).values({column: MONDAY_AFTERNOON}))
        session.commit()
        return key
    who = as_signed_in(app, session, clinic.coordinator)
    if ended == "disabled":
        clinic.coordinator.disabled_at = MONDAY_AFTERNOON
    changes = {
        "idle": {"last_seen_at": MONDAY_AFTERNOON - timedelta(minutes=31)},
        "expired": {"expires_at": MONDAY_AFTERNOON},
        "signed out": {"revoked_at": MONDAY_AFTERNOON},
    }
    if ended in changes:
        session.execute(update(Token).where(Token.staff_id == clinic.coordinator.id).values(changes[ended]))
    session.commit()
    return who


def first_caller(word: str, app: Flask, session: Session, clinic: Clinic, staff: Staff | None) -> Caller:
    """Return whoever the table calls `word`."""
    if staff is not None:
        return as_signed_in(app, session, staff)
    if word == PATIENT_WORD:
        return as_patient(app, session, clinic.patient)
    if word in set(ProxyScope):
        return as_proxy(app, session, clinic, word)
    return as_service(app, session, clinic, word)


@pytest.mark.parametrize("word", [*StaffRole, PATIENT_WORD, *ProxyScope, *Scope])
def test_each_route_answers_each_role_as_the_table_says_and_what_is_foreign_as_what_is_not_there(
    word: str,
    app: Flask,
    session: Session,
    clinic: Clinic,
    targets: Targets,
    statements: list[str],
    anonymous: Caller,
) -> None:
    document = anonymous.get("/openapi.json").json
    staff = builders.staff(session, clinic.practice, role=StaffRole(word)) if word in set(StaffRole) else None
    if staff is not None:
        targets["own"]["session_id"] = "own-session"
        add_session_row(session, staff, "own-session")
        targets["own"]["passkey_id"] = "own-passkey"
        add_passkey_row(session, staff, "own-passkey")
        targets["own"]["view_id"] = "own-view"
        add_view_row(session, staff, "own-view")
        session.commit()
    first = first_caller(word, app, session, clinic, staff)
    came: dict[Case, str] = {}
    should: dict[Case, str] = {}
    told: dict[Case, tuple[int, bytes, list[tuple[str, str]], int]] = {}
    surplus: dict[str, list[str]] = {}

    # One's own account comes last: some of its routes end whatever sessions there are.
    for route in sorted(
        served(app) & set(SIGNED_IN), key=lambda each: (each in PARTS["oneself"], "/passkeys/{" in each, each)
    ):
        for target in targets if word in (WHO_MAY[route] or ()) else ("own",):
            ids = targets[target] | ({"patient_id": "new"} if creates(route, target) else {})
            is_own_account = staff is not None and route in PARTS["oneself"]
            who = as_signed_in(app, session, staff) if is_own_account and staff is not None else first
            statements.clear()
            answer = call(who, route, ids)
            came[route, target], should[route, target] = verdict(answer), expected(route, word, target)
            told[route, target] = (answer.status_code, answer.get_data(), list(answer.headers), len(statements))
            if answer.status_code < 300 and answer.is_json and (schemas := answer_schemas(document, route)):
                surplus[route] = list(undeclared(document, schemas, answer.json))

    assert differences(came, should) == {}
    assert {route: more for route, more in surplus.items() if more} == {}  # which `properties.txt` would not show
    walled = {route for route, target in told if (target, should[route, target]) == ("missing", "404")}
    compared = [(route, target) for route, target in told if route in walled and should[route, target] == "404"]
    for route, target in compared:
        given, missing = told[route, target], told[route, "missing"]
        size = 1 if target == "malformed" else 4  # what is no id is refused before anything is asked
        assert given[:size] == missing[:size], (route, target)
    assert compared or word in (StaffRole.operator, Scope.import_, Scope.health_read)


@pytest.mark.sqlite_only
def test_a_route_without_an_entry_is_refused_to_everybody(
    coordinator: Caller, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(WHO_MAY, "GET /api/v1/protocols")

    answer = coordinator.get("/protocols")

    assert answer.status_code == 403
    with pytest.raises(ForbiddenError):
        refuse_unless_may_call("GET /api/v1/unlisted", Principal("practice", "somebody", patient_id="patient"))


@pytest.mark.sqlite_only
def test_a_refusal_says_for_whom_the_route_is(coordinator: Caller, clinic: Clinic) -> None:
    answer = coordinator.post("/clearance-rules/r1/retire")

    (fault,) = answer.json["errors"]
    assert (fault["expected"], fault["got"]) == ("clinician", "coordinator")


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
    patient: Caller, clinic: Clinic, targets: Targets, look: Look
) -> None:
    body = body_of("PUT /api/v1/questionnaire-answers/{answer_id}", targets["own"])

    answer = patient.put(f"/questionnaire-answers/{targets['other']['answer_id']}", body)

    (row,) = look(QuestionnaireAnswer, practice_id=clinic.id, id=targets["other"]["answer_id"])
    assert (answer.status_code, row.answers, row.patient_id) == (404, {}, clinic.other_patient.id)


def test_a_phone_cannot_take_over_another_patients_check_in(
    patient: Caller, clinic: Clinic, targets: Targets, look: Look
) -> None:
    body = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 9}

    answer = patient.put(f"/check-ins/{targets['other']['check_in_id']}", body)

    (row,) = look(CheckIn, practice_id=clinic.id, id=targets["other"]["check_in_id"])
    assert (answer.status_code, row.pain, row.patient_id) == (404, 3, clinic.other_patient.id)
