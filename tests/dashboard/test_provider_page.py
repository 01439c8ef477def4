"""The clinic's own provider of sign-ins on its admin's page, and the link of one person."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, SignInProvider, StaffIdentity
from models.people import StaffRole
from tests import builders
from tests.api.conftest import Clinic, Look, as_signed_in
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.dashboard.conftest import Desk, desk_of, text_of

PATH = "/clinic/practice/sign-in-provider"
SENT = {"issuer": "https://10.0.0.5:8443/o", "client_id": "recovery", "client_secret": "three quiet words"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return settings by which a provider may be inside the network: it is named by a number, so nobody is asked."""
    return replace(settings, sign_in_hosts=("10.0.0.5:8443",))


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Desk:
    """Return the clinic's admin at a browser."""
    return desk_of(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


def link(session: Session, clinic: Clinic) -> None:
    known = {"issuer": SENT["issuer"], "subject": "1", "linked_at": MONDAY_AFTERNOON}
    session.add(StaffIdentity(practice_id=clinic.id, id="a", staff_id=clinic.coordinator.id, **known))
    session.commit()


def test_an_admin_sets_and_forgets_the_provider_and_its_secret_is_never_shown(admin: Desk, look: Look) -> None:
    before = admin.get(PATH)
    stored = admin.post(PATH, SENT)
    shown = admin.get(PATH).get_data(as_text=True)
    (row,) = look(SignInProvider)
    gone = admin.post(f"{PATH}/forget")

    assert "Set a provider" in text_of(before)
    assert "/clinic/sign-in/provider/answer" in text_of(before)
    assert (stored.status_code, gone.status_code) == (303, 303)
    assert (row.issuer, row.client_id, row.client_secret) == tuple(SENT.values())
    assert (SENT["issuer"] in shown, SENT["client_secret"] in shown) == (True, False)
    assert look(SignInProvider) == []


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "changes", [{"issuer": "https://127.0.0.1"}, {"issuer": "http://login.example.org"}, {"client_id": ""}], ids=str
)
def test_what_may_not_be_is_told_beside_its_field_and_what_was_typed_stays(
    admin: Desk, look: Look, changes: dict[str, str]
) -> None:
    answer = admin.post(PATH, SENT | changes)

    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert page.count('aria-invalid="true"') == 1
    assert f'value="{(SENT | changes)["issuer"]}"' in page
    assert SENT["client_secret"] not in page
    assert look(SignInProvider) == []


@pytest.mark.sqlite_only
def test_it_takes_a_fresh_second_factor_and_the_admin(
    admin: Desk, desk: Desk, session: Session, clinic: Clinic, clock: FixedClock, look: Look
) -> None:
    link(session, clinic)
    forget = f"/clinic/staff/{clinic.coordinator.id}/forget-provider"
    clock.advance(timedelta(minutes=10))

    tried = [who.post(path, SENT) for who in (admin, desk) for path in (PATH, f"{PATH}/forget", forget)]

    assert {each.status_code for each in tried} == {403}
    assert ["Your code once more" in text_of(each) for each in tried] == [True] * 3 + [False] * 3
    assert (look(SignInProvider), len(look(StaffIdentity))) == ([], 1)


def test_one_persons_link_is_forgotten_and_nobody_elses(
    admin: Desk, app: Flask, session: Session, clinic: Clinic, look: Look
) -> None:
    link(session, clinic)
    other = {"issuer": SENT["issuer"], "subject": "2", "linked_at": MONDAY_AFTERNOON}
    session.add(StaffIdentity(practice_id=clinic.id, id="b", staff_id=clinic.clinician.id, **other))
    session.commit()
    path = f"/clinic/staff/{clinic.coordinator.id}"
    before = text_of(admin.get(path))
    told = as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))

    done = admin.post(f"{path}/forget-provider")
    again = admin.post(f"{path}/forget-provider")
    by_program = [told.call("DELETE", f"/staff/{clinic.clinician.id}/provider-link").status_code for _ in range(2)]

    assert "Known to the clinic’s own sign-in since Mon 2 Mar" in before
    assert "Forget this link" not in text_of(admin.get(path))
    assert (done.status_code, again.status_code, by_program) == (303, 404, [204, 404])
    assert look(StaffIdentity) == []
    entries = [each for each in look(AuditEntry, practice_id=clinic.id) if "forget-provider" in each.route]
    assert entries[0].about == {"staff_id": clinic.coordinator.id, "changed": ["provider_link"]}
    linked = {each["id"]: each["provider_linked_at"] for each in told.get("/staff").json["items"]}
    assert set(linked.values()) == {None}


@pytest.mark.sqlite_only
def test_a_clinic_without_a_provider_has_nothing_to_ask(admin: Desk) -> None:
    assert admin.post(f"{PATH}/check").status_code == 404
