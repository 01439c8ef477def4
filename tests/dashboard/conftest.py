"""Staff at a browser: somebody whose session stands in a cookie, and who sends forms as pages of ours do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser
from sqlalchemy.orm import Session

from models import Staff
from service.dashboard.forms import FIELD, form_token
from service.identity.sessions import start_session
from tests.api.conftest import (  # noqa: F401
    Clinic,
    app,
    casey,
    clinic,
    coordinator,
    foreign_clinic,
    look,
    milestone_id,
    newcomer,
)
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.browser import chromium

Answer = Any  # werkzeug's TestResponse, whose `json` may be any value
COOKIE, SIGN_IN_COOKIE = "clinic", "clinic-sign-in"


@dataclass(frozen=True)
class Desk:
    """Somebody at a browser. `secret` None: nobody is signed in."""

    client: FlaskClient
    secret: str | None = None

    def get(self, path: str, **options: Any) -> Answer:
        """Look at a page."""
        return self.client.get(path, **options)

    def post(self, path: str, sent: dict[str, Any] | None = None, **options: Any) -> Answer:
        """Send a form of a page that the present session was shown."""
        return self.client.post(path, data={FIELD: self.token(path)} | (sent or {}), **options)

    def token(self, path: str) -> str:
        """Return the token of the forms that the browser was shown."""
        name = SIGN_IN_COOKIE if path.startswith("/clinic/sign-in") else COOKIE
        cookie = self.client.get_cookie(name)
        with self.client.application.app_context():
            return "" if cookie is None else form_token(cookie.value)


def desk_of(app: Flask, session: Session, staff: Staff) -> Desk:  # noqa: F811
    """Return a member of staff at a browser in a new session, whose second factor is fresh."""
    life = timedelta(hours=12)
    issued = start_session(session, staff.practice_id, staff.id, life=life, label="Firefox", now=MONDAY_AFTERNOON)
    session.commit()
    desk = Desk(app.test_client(), issued.secret)
    desk.client.set_cookie(COOKIE, issued.secret)
    return desk


@pytest.fixture
def nobody(app: Flask) -> Desk:  # noqa: F811
    """Return a browser in which nobody is signed in."""
    return Desk(app.test_client())


@pytest.fixture
def desk(app: Flask, session: Session, clinic: Clinic) -> Desk:  # noqa: F811
    """Return the clinic's coordinator at a browser."""
    return desk_of(app, session, clinic.coordinator)


@pytest.fixture
def surgeon(app: Flask, session: Session, clinic: Clinic) -> Desk:  # noqa: F811
    """Return the clinic's clinician at a browser."""
    return desk_of(app, session, clinic.clinician)


def text_of(answer: Answer) -> str:
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True)))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield one browser for all tests of this process: the driver takes no second one."""
    with chromium() as browser:
        yield browser
