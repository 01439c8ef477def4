"""The application and its clinics, as the API's tests have them, and two real providers of sign-ins.

A provider's clock is the machine's, so that of the application is too.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from urllib.parse import urlencode, urlsplit

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, SignInProvider
from models.audit import AuditAction
from tests.api.conftest import Clinic, Look, app, clinic, foreign_clinic, look
from tests.api.signing_in import Person, give_credential
from tests.clock import FixedClock
from tests.dashboard.conftest import Answer, Desk, text_of
from tests.sso.providers import RealProvider, as_it_is, real_provider

__all__ = ["app", "clinic", "foreign_clinic", "look"]

BACK = "http://localhost:8000/clinic/sign-in/provider/answer"
START, END, KEPT = "/clinic/sign-in/provider", "/clinic/sign-in/provider/answer", "clinic-provider"
SECRET = "of the clinic at its provider"
CLIENTS = {name: {"secret": SECRET, "redirect_uri": BACK} for name in ("hudson", "another")}
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(scope="module")
def providers() -> Iterator[tuple[RealProvider, RealProvider]]:
    """Yield two providers, each a process of its own."""
    with real_provider(CLIENTS) as first, real_provider(CLIENTS) as second:
        yield first, second


@pytest.fixture
def provider(providers: tuple[RealProvider, RealProvider]) -> Iterator[RealProvider]:
    """Yield the clinic's provider, which says again what is so afterwards."""
    first, _ = providers
    first.asked.clear()
    yield first
    first.alter, first.is_away = as_it_is, False


@pytest.fixture
def clock() -> FixedClock:
    """Return a clock that stands at the machine's present instant, as the provider's does."""
    return FixedClock(datetime.now(UTC))


@pytest.fixture
def settings(settings: Settings, providers: tuple[RealProvider, RealProvider]) -> Settings:
    """Return settings by which the providers may be on this machine."""
    hosts = tuple(urlsplit(each.address).netloc for each in providers)
    return replace(settings, public_url="http://localhost:8000", sign_in_hosts=hosts)


def use(session: Session, clinic: Clinic, provider: RealProvider) -> None:
    """Let a provider be a clinic's own, and its coordinator be somebody whom it knows."""
    row = SignInProvider(practice_id=clinic.id, id=clinic.id, issuer=provider.issuer, client_id="hudson")
    session.add(row)
    row.client_secret = SECRET
    clinic.coordinator.email = "casey@hudson.example.org"
    session.merge(clinic.coordinator)
    session.commit()


@pytest.fixture
def casey(app: Flask, session: Session, clinic: Clinic, clock: FixedClock, provider: RealProvider) -> Person:
    """Return the coordinator, who has an authenticator here and is known to the clinic's provider."""
    use(session, clinic, provider)
    give_credential(session, clinic.coordinator, secret=TOTP, now=clock.now())
    return Person(app, clinic.practice, clinic.coordinator, clock, TOTP)


@pytest.fixture
def desk(app: Flask) -> Desk:
    """Return a browser in which nobody is signed in."""
    return Desk(app.test_client())


def begin(desk: Desk, clinic: Clinic) -> str:
    """Return the address at the provider that the page leads to."""
    desk.get("/clinic/sign-in")
    answer = desk.post(START, {"practice": clinic.practice.slug})
    assert answer.status_code == 200, text_of(answer)
    return unescape(re.findall(r'<a class="button" href="([^"]+)"', answer.get_data(as_text=True))[0])


def finish(desk: Desk, told: dict[str, str]) -> Answer:
    """Come back from the provider."""
    return desk.get(f"{END}?{urlencode(told)}")


def come_back(desk: Desk, clinic: Clinic, provider: RealProvider, user: str = "casey") -> Answer:
    return finish(desk, provider.sign_in(begin(desk, clinic), user))


def refused(look: Look, clinic: Clinic) -> list[str]:
    """Return why answers were refused, as the trail tells it."""
    entries = look(AuditEntry, practice_id=clinic.id, action=AuditAction.denied)
    return [str(each.about.get("refused")) for each in entries]
