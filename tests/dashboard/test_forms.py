"""No form of another site, of another session or of none changes anything (A15), and each answer keeps to itself."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from config import Settings
from models.people import StaffRole
from service.app import create_app
from service.db import db
from service.identity.callers import ADMIN, ANYONE, AUDITOR
from service.identity.roles import WHO_MAY
from service.identity.tokens import enrol_device, issue_staff_token
from tests import builders
from tests.api.conftest import Clinic
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.dashboard.conftest import COOKIE, Answer, Desk, desk_of, text_of

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
IDS = {
    "session_id": "nothing", "patient_id": "nothing", "episode_id": "nothing", "milestone_id": "nothing",
    "alert_id": "nothing", "task_id": "nothing", "passkey_id": "nothing", "visit_id": "nothing", "photo_id": "nothing",
    "release_id": "nothing", "letter_id": "nothing", "member_id": "nothing", "device_id": "nothing",
    "event_id": "nothing", "access_id": "nothing", "proxy_id": "nothing", "view_id": "nothing", "urgency": "nothing",
    "staff_id": "nothing", "reminder_id": "nothing", "surgery_id": "nothing",
    "filename": "clinic.css",
    "procedure": "tlif",
    "card_id": "stairs", "language": "en",
    "table": "episode",
}  # fmt: skip
pytestmark = pytest.mark.sqlite_only


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route of the dashboard, with ids that name nothing."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/clinic"):
            path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda found: IDS[found[1]], rule.rule)
            yield from ((method, path) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})


def test_each_form_without_a_token_of_this_session_is_refused(app: Flask, session: Session, clinic: Clinic) -> None:
    admin = builders.staff(session, clinic.practice, role=StaffRole.practice_admin)
    surgeon, other, chief = (desk_of(app, session, each) for each in (clinic.clinician, clinic.coordinator, admin))
    for each in (surgeon, chief):
        each.get("/clinic/sign-in")
    tried = 0
    for method, path in routes(app):
        if method != "POST":
            continue
        desk = chief if WHO_MAY[f"POST {rule_of(path, app, 'POST')}"] in (ADMIN, ADMIN | AUDITOR) else surgeon
        own, foreign = desk.token(path), other.token("/clinic/")
        desk.client.environ_base["REMOTE_ADDR"] = f"203.0.113.{tried}"  # more tries than one address has in a minute
        answers = {
            "missing": desk.client.post(path),
            "foreign": desk.client.post(path, data={"form": foreign}),
            "stale": desk.client.post(path, data={"form": "0" * 64}),
            "text/plain": desk.client.post(path, data=f"form={own}", content_type="text/plain"),
            "in the address": desk.client.post(f"{path}?form={own}"),
            "another origin": desk.client.post(path, data={"form": own}, headers={"Origin": "https://evil.example"}),
            "no origin": desk.client.post(path, data={"form": own}, headers={"Origin": "null"}),
            "another site": desk.client.post(path, data={"form": own}, headers={"Sec-Fetch-Site": "cross-site"}),
        }
        assert {name: each.status_code for name, each in answers.items()} == dict.fromkeys(answers, 403), path
        assert "This form is out of date" in text_of(answers["stale"])
        tried += 1
    assert tried >= 30


def test_a_form_of_ours_is_taken(desk: Desk) -> None:
    here = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}

    assert desk.post("/clinic/patients", {"q": "Sample"}, headers=here).status_code == 200


def test_a_form_of_the_former_session_is_stale(app: Flask, desk: Desk, session: Session, clinic: Clinic) -> None:
    former = desk.token("/clinic/")
    again = desk_of(app, session, clinic.coordinator)

    assert again.client.post("/clinic/patients", data={"form": former}).status_code == 403


def test_no_look_at_a_page_changes_a_row(desk: Desk, app: Flask, clinic: Clinic, engine: Engine) -> None:
    written: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *told: written.append(str(told[2])))

    for method, path in routes(app):
        if method == "GET":
            desk.get(path.replace("nothing", clinic.patient.id))

    changes = {each.split()[2] for each in written if re.match("INSERT|DELETE", each)}
    assert changes <= {"audit_entry", "audit_subject"}
    assert not [each for each in written if each.startswith("UPDATE")]


def test_every_answer_has_the_headers_that_keep_it_to_itself(app: Flask, desk: Desk, nobody: Desk) -> None:
    answers = [who.client.open(path, method=method) for who in (desk, nobody) for method, path in routes(app)]
    answers += [desk.get("/clinic/nowhere"), desk.get("/clinic"), desk.client.put("/clinic/")]
    answers.append(desk.client.post("/clinic/patients", data=b"x" * 3_000_000))

    assert {each.status_code for each in answers} >= {200, 401, 403, 404, 405, 413}
    for answer in answers:
        told = dict(answer.headers)
        policy = told["Content-Security-Policy"]
        if told["Content-Type"].startswith("text/html"):
            assert {name: told[name] for name in HEADERS} == HEADERS, answer.request.path
            assert told["Referrer-Policy"] == ("same-origin" if answer.status_code != 308 else "no-referrer")
        assert told["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search("unsafe|http:|https:|data:", policy)


def test_errors_are_pages_that_tell_nothing_of_the_fault(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, nobody: Desk
) -> None:
    monkeypatch.setattr("service.dashboard.worklist_views.load_caseload", None)

    fault, missing, unknown = desk.get("/clinic/"), desk.get("/clinic/patients/nobody"), nobody.get("/clinic/nowhere")

    assert [each.status_code for each in (fault, missing, unknown)] == [500, 404, 404]
    for each in (fault, missing, unknown):
        assert each.content_type == "text/html; charset=utf-8"
        assert not re.search("Traceback|NoneType|TypeError", each.get_data(as_text=True))


def test_over_https_the_cookies_are_for_this_host_and_encrypted_connections_alone(
    settings: Settings, clock: FixedClock, session: Session, clinic: Clinic
) -> None:
    app = create_app(replace(settings, public_url="https://recovery.example.org"), clock)

    answer = app.test_client().get("/clinic/sign-in", base_url="https://recovery.example.org")

    (line,) = answer.headers.getlist("Set-Cookie")
    assert re.fullmatch(r"__Host-clinic-sign-in=[\w-]{43}; Secure; HttpOnly; Path=/; SameSite=Strict", line)
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("kind", ["phone", "program"])
def test_only_a_session_of_somebody_who_signed_in_opens_a_page(
    kind: str, nobody: Desk, app: Flask, session: Session, clinic: Clinic
) -> None:
    phone = enrol_device(session, clinic.id, clinic.patient.id, MONDAY_AFTERNOON).access.secret
    program = issue_staff_token(session, clinic.coordinator, MONDAY_AFTERNOON).secret
    session.commit()
    nobody.client.set_cookie(COOKIE, phone if kind == "phone" else program)

    asked = [
        path for method, path in routes(app) if method == "GET" and WHO_MAY[f"GET {rule_of(path, app)}"] is not ANYONE
    ]

    assert {nobody.get(path).status_code for path in asked} == {401}


def rule_of(path: str, app: Flask, method: str = "GET") -> str:
    from service.api.scope import template

    rule, _ = app.url_map.bind("localhost").match(path, method=method, return_rule=True)
    return template(rule.rule)


def test_a_session_in_the_authorization_header_opens_no_page(nobody: Desk, desk: Desk) -> None:
    answer = nobody.get("/clinic/", headers={"Authorization": f"Bearer {desk.secret}"})

    assert answer.status_code == 401


def test_another_clinics_patient_answers_exactly_as_nobody(desk: Desk, foreign_clinic: Clinic) -> None:
    def told(answer: Answer) -> tuple[int, bytes]:
        return answer.status_code, answer.get_data()

    foreign = told(desk.get(f"/clinic/patients/{foreign_clinic.patient.id}"))

    assert foreign == told(desk.get("/clinic/patients/nobody"))
    assert foreign[0] == 404
