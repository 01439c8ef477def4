"""A clinic's admin sets its own provider of sign-ins, in a session; the secret is never told, and the guard holds."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, SignInProvider, StaffIdentity
from models.people import StaffRole
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_signed_in, as_staff
from tests.clock import MONDAY_AFTERNOON, FixedClock

PATH = "/practice/sign-in-provider"
BODY = {"issuer": "https://login.hudson.internal:8443/o", "client_id": "recovery", "client_secret": "three quiet words"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return settings by which a provider may be inside the network: it is named by a number, so nobody is asked."""
    return replace(settings, sign_in_hosts=("10.0.0.5:8443",))


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return the clinic's admin in a session."""
    return as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


def body(**changes: str) -> dict[str, str]:
    return BODY | {"issuer": "https://10.0.0.5:8443/o"} | changes


def test_an_admin_sets_shows_changes_and_forgets_the_provider(
    admin: Caller, clinic: Clinic, look: Look, engine: Engine, session: Session
) -> None:
    before = admin.get(PATH)
    stored = admin.put(PATH, body())
    admin.put(PATH, body(client_id="recovery-2"))
    shown = admin.get(PATH)
    with engine.connect() as connection:
        sealed = bytes(connection.scalar(text("SELECT client_secret_sealed FROM sign_in_provider")) or b"")
    link = {"issuer": BODY["issuer"], "subject": "1", "linked_at": MONDAY_AFTERNOON}
    session.add(StaffIdentity(practice_id=clinic.id, id="a", staff_id=clinic.coordinator.id, **link))
    session.commit()
    gone = admin.call("DELETE", PATH)

    told = {"issuer": "https://10.0.0.5:8443/o", "client_id": "recovery"}
    told["redirect_uri"] = "http://127.0.0.1:8000/clinic/sign-in/provider/answer"
    assert (before.status_code, stored.status_code, stored.json) == (404, 200, told)
    assert shown.json == told | {"client_id": "recovery-2"}
    assert b"quiet" not in sealed
    assert (gone.status_code, admin.get(PATH).status_code) == (204, 404)
    assert (look(SignInProvider), look(StaffIdentity)) == ([], [])
    changes = [each for each in look(AuditEntry, practice_id=clinic.id) if each.route.startswith(("PUT", "DELETE"))]
    assert [each.about for each in changes] == [{"changed": ["sign_in_provider"]}] * 3


def test_it_takes_the_admin_a_session_and_a_fresh_second_factor(
    admin: Caller, app: Flask, session: Session, clinic: Clinic, clock: FixedClock
) -> None:
    clinician = as_signed_in(app, session, clinic.clinician)
    token = as_staff(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))
    clock.advance(timedelta(minutes=10))

    codes = [who.put(PATH, body()).json["code"] for who in (clinician, token, admin)]
    codes += [who.call("DELETE", PATH).json["code"] for who in (clinician, token, admin)]

    assert codes == ["forbidden", "session_required", "step_up_required"] * 2
    assert clinician.get(PATH).status_code == 403


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("issuer", "code"),
    [
        ("http://login.example.org", "not_encrypted"),
        ("https://169.254.169.254", "address_private"),
        ("https://127.0.0.1", "address_private"),
        ("https://10.0.0.5:9443", "odd_port"),
        ("https://user@login.example.org", "url_unreadable"),
        ("file:///etc/passwd", "url_unreadable"),
    ],
)
def test_an_issuer_that_may_not_be_called_is_refused(issuer: str, code: str, admin: Caller, look: Look) -> None:
    answer = admin.put(PATH, body(issuer=issuer))

    assert (answer.status_code, answer.json["errors"][0]["got"]) == (422, code)
    assert answer.json["errors"][0]["pointer"] == "/issuer"
    assert look(SignInProvider) == []
