"""Whether a provider is there is asked of a real one; what it answers is told on the admin's page and by the API."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models.people import StaffRole
from service.identity.sessions import start_session
from tests import builders
from tests.api.conftest import API, Clinic
from tests.clock import FixedClock
from tests.dashboard.conftest import COOKIE, Answer, Desk, text_of
from tests.sso.conftest import use
from tests.sso.providers import RealProvider

pytestmark = [pytest.mark.slow, pytest.mark.sqlite_only]


def other_issuer(path: str, told: dict[str, Any]) -> dict[str, Any]:
    return told | {"issuer": "https://evil.example"} if path.endswith("openid-configuration") else told


def no_description(path: str, told: dict[str, Any]) -> dict[str, Any]:
    return {"issuer": told["issuer"]} if path.endswith("openid-configuration") else told


def no_keys(path: str, told: dict[str, Any]) -> dict[str, Any]:
    return {"keys": []} if "jwks" in path else told


def odd_keys(path: str, told: dict[str, Any]) -> dict[str, Any]:
    return {"keys": [{"kty": "RSA"}]} if "jwks" in path else told


def test_a_provider_is_asked_whether_it_is_there(
    app: Flask,
    session: Session,
    clinic: Clinic,
    provider: RealProvider,
    clock: FixedClock,
) -> None:
    use(session, clinic, provider)
    boss, at = builders.staff(session, clinic.practice, role=StaffRole.practice_admin), clock.now()
    secret = start_session(session, clinic.id, boss.id, life=timedelta(hours=1), label="Firefox", now=at).secret
    session.commit()
    desk = Desk(app.test_client(), secret)
    desk.client.set_cookie(COOKIE, secret)
    path = "/practice/sign-in-provider/check"
    found: dict[str, tuple[bool, str | None]] = {}
    said: dict[str, str] = {}

    def ask(name: str) -> None:
        said[name] = text_of(desk.post(f"/clinic{path}"))
        answer: Answer = desk.client.get(f"{API}{path}", headers={"Authorization": f"Bearer {secret}"})
        told = answer.json
        found[name] = told["answers"], told["code"]

    ask("as it is")
    for alter in (other_issuer, no_description, no_keys, odd_keys):
        provider.alter = alter
        ask(alter.__name__)
    provider.is_away = True
    ask("away")

    assert found == {
        "as it is": (True, None),
        "other_issuer": (False, "other_issuer"),
        "no_description": (False, "provider_unreadable"),
        "no_keys": (False, "provider_unreadable"),
        "odd_keys": (False, "provider_unreadable"),
        "away": (False, "provider_away"),
    }
    assert "It answers, under this very issuer" in said["as it is"]
    assert "It calls itself otherwise" in said["other_issuer"]
    assert "not as a provider of OpenID Connect" in said["no_keys"]
    assert "It does not answer" in said["away"]
