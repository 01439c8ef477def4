"""Passkeys in a real browser, whose authenticator is virtual: add one, sign in with it, and be refused with a copy."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect
from sqlalchemy.orm import Session

from models import Passkey
from service.identity.totp import make_secret
from tests.api.conftest import Clinic
from tests.api.signing_in import PASSWORD, give_credential
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.browser import Seen, open_page, violations
from tests.dashboard.conftest import COOKIE
from tests.dashboard.servers import serving
from tests.dashboard.test_browser import DESK, session_of

pytestmark = [pytest.mark.slow, pytest.mark.sqlite_only]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    """Yield where a process of its own serves this test's database, under a name."""
    with serving(database_url, MONDAY_AFTERNOON, host="localhost") as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Yield a window. At the end nothing was asked of another machine, and nothing complained."""
    seen = Seen(address)
    context, page = open_page(browser, address, seen, viewport=DESK)
    yield page
    context.close()
    assert (seen.foreign, seen.complaints) == ([], [])


@pytest.fixture
def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Return the window's virtual authenticator: the way to it, and its id."""
    way = page.context.new_cdp_session(page)
    way.send("WebAuthn.enable")
    added = way.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return way, added["authenticatorId"]


@pytest.fixture
def signed_in(page: Page, address: str, session: Session, clinic: Clinic) -> Page:
    """Return the window with the coordinator signed in, who has a password and an authenticator."""
    give_credential(session, clinic.coordinator, secret=make_secret())
    secret = session_of(session, clinic.coordinator)
    page.context.add_cookies([{"name": COOKIE, "value": secret, "url": address, "httpOnly": True}])
    return page


def add_passkey(page: Page, name: str) -> None:
    page.goto("/clinic/account")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("status")).to_have_text("Your passkey was added.")


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.goto("/clinic/sign-in")


def credentials(authenticator: tuple[CDPSession, str]) -> list[dict[str, Any]]:
    way, authenticator_id = authenticator
    found: list[dict[str, Any]] = way.send("WebAuthn.getCredentials", {"authenticatorId": authenticator_id})[
        "credentials"
    ]
    return found


def test_somebody_adds_a_passkey_and_signs_in_by_it_alone(
    signed_in: Page, authenticator: tuple[CDPSession, str], session: Session
) -> None:
    page = signed_in
    add_passkey(page, "My phone")
    assert violations(page) == []
    sign_out(page)

    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()

    page.goto("/clinic/account")
    expect(page.get_by_role("row", name="My phone")).to_be_visible()
    expect(page.get_by_text("needs a code")).to_have_count(0)
    (kept,) = credentials(authenticator)
    (stored,) = session.query(Passkey)
    assert (kept["isResidentCredential"], kept["rpId"]) == (True, "localhost")
    assert (stored.sign_count, stored.last_used_at) == (kept["signCount"], MONDAY_AFTERNOON)


def test_a_passkey_takes_the_place_of_the_code_and_is_removed(
    signed_in: Page, authenticator: tuple[CDPSession, str], session: Session, clinic: Clinic
) -> None:
    page = signed_in
    add_passkey(page, "Laptop")
    sign_out(page)
    page.get_by_label("Clinic").fill(clinic.practice.slug)
    page.get_by_label("E-mail").fill(str(clinic.coordinator.email))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()

    page.goto("/clinic/step-up?next=/clinic/account")
    page.get_by_role("button", name="Use a passkey instead").click()
    page.get_by_role("button", name="Remove Laptop").click()

    expect(page.get_by_role("status")).to_contain_text("was removed")
    assert session.query(Passkey).count() == 0


def test_a_cloned_authenticator_is_refused(
    signed_in: Page, authenticator: tuple[CDPSession, str], session: Session
) -> None:
    page, (way, authenticator_id) = signed_in, authenticator
    add_passkey(page, "Key")
    (cloned,) = credentials(authenticator)
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    sign_out(page)

    way.send("WebAuthn.removeCredential", {"authenticatorId": authenticator_id, "credentialId": cloned["credentialId"]})
    way.send("WebAuthn.addCredential", {"authenticatorId": authenticator_id, "credential": cloned})
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("alert").first).to_have_text(
        "This passkey did not sign you in. Try again, or use your password."
    )
    (stored,) = session.query(Passkey)
    assert stored.stopped_at == MONDAY_AFTERNOON


def test_whoever_is_not_verified_or_gives_up_is_told_so(signed_in: Page, authenticator: tuple[CDPSession, str]) -> None:
    page, (way, authenticator_id) = signed_in, authenticator
    add_passkey(page, "Key")
    sign_out(page)
    way.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator_id, "isUserVerified": False})

    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_text("That did not work, or it was cancelled.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()
