"""A sign-in by pages: every step, the first time, what is refused, and the end."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry, Token
from models.audit import AuditAction
from models.sign_in import CodePurpose
from schedules.plan.vocabulary import Language
from service.dashboard.forms import local_path
from service.identity.invitations import issue_sign_in_code
from service.identity.totp import code_at, step_of
from tests.api.conftest import Clinic, Look
from tests.api.signing_in import NEW_PASSWORD, PASSWORD, Person
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import COOKIE, SIGN_IN_COOKIE, Answer, Desk, text_of

HOSTILE_PATHS = (
    "//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/clinic/", "javascript:alert(1)",
    "/clinic/../api/v1/me", "/clinic//evil.example", "/clinic/\r\nSet-Cookie: a=b", "/clinicevil", "\t//evil.example",
    "",    "/clinic/?q=" + "a" * 500, "/api/v1/patients", "http:///evil.example",
)  # fmt: skip


def give_password(desk: Desk, person: Person, password: str = PASSWORD, **more: str) -> Answer:
    desk.get("/clinic/sign-in")
    sent = {"practice": person.practice.slug, "email": str(person.staff.email), "password": password}
    return desk.post("/clinic/sign-in", sent | more)


def cookie_line(answer: Answer, name: str) -> str:
    (line,) = (each for each in answer.headers.getlist("Set-Cookie") if each.startswith(f"{name}="))
    return str(line)


def test_the_address_of_the_server_alone_leads_to_the_dashboard(desk: Desk) -> None:
    answer = desk.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/clinic/")


def test_password_and_code_lead_to_the_worklist_in_a_session_of_its_own(
    nobody: Desk, casey: Person, look: Look
) -> None:
    first = give_password(nobody, casey)
    challenge = nobody.client.get_cookie(SIGN_IN_COOKIE)
    second = nobody.post("/clinic/sign-in/code", {"code": casey.code()})
    home = nobody.get("/clinic/")

    assert (first.status_code, first.headers["Location"]) == (303, "/clinic/sign-in/code")
    assert (second.status_code, second.headers["Location"]) == (303, "/clinic/")
    assert home.status_code == 200
    assert "Worklist" in text_of(home)
    secret = nobody.client.get_cookie(COOKIE)
    assert secret is not None
    assert challenge is not None
    assert secret.value != challenge.value
    assert nobody.client.get_cookie(SIGN_IN_COOKIE) is None
    assert re.search("HttpOnly; Path=/; SameSite=Lax", cookie_line(second, COOKIE))
    assert [row.label for row in look(Token, kind="staff_session")] == ["another program"]
    entries = look(AuditEntry, action=AuditAction.token)
    assert [each.route for each in entries] == ["POST /clinic/sign-in", "POST /clinic/sign-in/code"]


def test_a_secret_that_was_in_the_browser_before_does_not_become_the_session(nobody: Desk, casey: Person) -> None:
    nobody.client.set_cookie(COOKIE, "chosen-by-somebody-else")
    give_password(nobody, casey)
    nobody.post("/clinic/sign-in/code", {"code": casey.code()})

    cookie = nobody.client.get_cookie(COOKIE)
    assert cookie is not None
    assert cookie.value != "chosen-by-somebody-else"
    assert nobody.get("/clinic/").status_code == 200


@pytest.mark.sqlite_only
def test_a_wrong_password_is_401_and_keeps_what_was_typed_but_the_password(nobody: Desk, casey: Person) -> None:
    answer = give_password(nobody, casey, "violet ladder 95 otter")

    page = answer.get_data(as_text=True)
    assert answer.status_code == 401
    assert "This did not sign you in" in page
    assert str(casey.staff.email) in page
    assert "violet" not in page


@pytest.mark.sqlite_only
def test_a_wrong_code_is_401_and_the_next_right_one_signs_in(nobody: Desk, casey: Person) -> None:
    give_password(nobody, casey)
    wrong = nobody.post("/clinic/sign-in/code", {"code": "000000"})
    right = nobody.post("/clinic/sign-in/code", {"code": casey.code()})

    assert (wrong.status_code, right.status_code) == (401, 303)


@pytest.mark.sqlite_only
def test_tries_in_a_row_are_held_back_like_those_of_the_api(nobody: Desk, casey: Person) -> None:
    answers = [give_password(nobody, casey, "wrong wrong wrong wrong") for _ in range(7)]
    right = give_password(nobody, casey)

    assert {each.status_code for each in answers} == {401}
    assert right.status_code == 401


@pytest.mark.sqlite_only
def test_the_second_step_alone_signs_nobody_in(nobody: Desk, casey: Person) -> None:
    nobody.get("/clinic/sign-in/code")

    answer = nobody.post("/clinic/sign-in/code", {"code": casey.code()})

    assert answer.status_code == 401
    assert nobody.client.get_cookie(COOKIE) is None


def test_the_language_of_the_pages_is_noted_with_the_sign_in(nobody: Desk, casey: Person, session: Session) -> None:
    nobody.get("/clinic/sign-in?language=es")
    give_password(nobody, casey)

    nobody.post("/clinic/sign-in/code", {"code": casey.code()})

    session.refresh(casey.staff)
    assert casey.staff.language is Language.es


@pytest.mark.sqlite_only
def test_who_has_an_authenticator_gets_no_other_by_the_password_alone(nobody: Desk, casey: Person) -> None:
    give_password(nobody, casey)

    answer = nobody.post("/clinic/sign-in/authenticator")

    assert answer.status_code == 401
    assert "otpauth" not in answer.get_data(as_text=True)


def test_the_first_time_goes_from_the_code_to_the_recovery_codes(
    nobody: Desk, app: Flask, session: Session, clinic: Clinic
) -> None:
    issued = issue_sign_in_code(session, clinic.clinician, CodePurpose.invitation, MONDAY_AFTERNOON)
    session.commit()

    nobody.get("/clinic/sign-in/invitation")
    short = nobody.post("/clinic/sign-in/invitation", {"code": issued.code, "password": "short"})
    chosen = nobody.post("/clinic/sign-in/invitation", {"code": issued.code.lower(), "password": NEW_PASSWORD})
    offered = nobody.get(chosen.headers["Location"])
    shown = nobody.post("/clinic/sign-in/authenticator")
    secret = re.findall(r"<code>([A-Z2-7]{32})</code>", shown.get_data(as_text=True))[0]
    wrong = nobody.post("/clinic/sign-in/authenticator/confirm", {"code": "000000"})
    done = nobody.post("/clinic/sign-in/authenticator/confirm", {"code": code_at(secret, step_of(MONDAY_AFTERNOON))})

    assert short.status_code == 422
    assert "12 to 200 characters" in short.get_data(as_text=True)
    assert chosen.headers["Location"] == "/clinic/sign-in/authenticator"
    assert "<svg" not in offered.get_data(as_text=True)
    assert "<svg" in shown.get_data(as_text=True)
    assert wrong.status_code == 401
    assert secret in wrong.get_data(as_text=True)
    assert len(set(re.findall(r"<code>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</code>", done.get_data(as_text=True)))) == 10
    assert nobody.get("/clinic/").status_code == 200


@pytest.mark.sqlite_only
def test_a_code_of_the_clinic_works_once(nobody: Desk, session: Session, clinic: Clinic) -> None:
    issued = issue_sign_in_code(session, clinic.clinician, CodePurpose.invitation, MONDAY_AFTERNOON)
    session.commit()
    sent = {"code": issued.code, "password": NEW_PASSWORD}
    nobody.get("/clinic/sign-in/invitation")

    statuses = [nobody.post("/clinic/sign-in/invitation", sent).status_code for _ in range(2)]

    assert statuses == [303, 401]


@pytest.mark.sqlite_only
def test_a_page_that_asks_for_a_sign_in_is_shown_afterwards(nobody: Desk, casey: Person, clinic: Clinic) -> None:
    wanted = f"/clinic/patients/{clinic.patient.id}"

    asked = nobody.get(wanted)
    first = give_password(nobody, casey, next=wanted)
    second = nobody.post("/clinic/sign-in/code", {"code": casey.code(), "next": wanted})

    assert asked.status_code == 401
    assert f'value="{wanted}"' in asked.get_data(as_text=True)
    assert first.headers["Location"] == f"/clinic/sign-in/code?next={wanted}"
    assert second.headers["Location"] == wanted


@pytest.mark.parametrize("wanted", HOSTILE_PATHS)
@pytest.mark.sqlite_only
def test_no_address_of_another_site_is_gone_on_with(wanted: str) -> None:
    assert local_path(wanted) == "/clinic/"


@pytest.mark.sqlite_only
def test_signing_out_ends_the_session_and_clears_the_browser(desk: Desk) -> None:
    secret = desk.client.get_cookie(COOKIE)
    answer = desk.post("/clinic/sign-out")
    assert secret is not None
    desk.client.set_cookie(COOKIE, secret.value)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/clinic/signed-out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert desk.get("/clinic/").status_code == 401


@pytest.mark.sqlite_only
def test_an_idle_session_ends_and_what_a_page_asks_by_itself_leads_to_the_sign_in(
    desk: Desk, app: Flask, casey: Person
) -> None:
    casey.clock.advance(timedelta(minutes=31))

    answer = desk.get("/clinic/worklist?mark=0")

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/clinic/sign-in")
