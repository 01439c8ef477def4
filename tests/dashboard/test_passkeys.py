"""Passkeys by the dashboard's forms: bound to the browser that asked, with every refusal a page."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from orjson import dumps
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, Passkey
from models.audit import AuditAction
from service.dashboard.forms import FIELD
from tests.api.conftest import Look
from tests.api.signing_in import Person
from tests.api.soft_passkey import ORIGIN, SoftPasskey
from tests.dashboard.conftest import COOKIE, Answer, Desk, text_of
from tests.dashboard.test_sign_in import give_password

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return the settings of a service at an address with a name: passkeys are bound to one."""
    return replace(settings, public_url=ORIGIN)


def options_of(desk: Desk, path: str) -> dict[str, Any]:
    answer = desk.post(f"{path}/options")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    options: dict[str, Any] = answer.json
    return options


def add(desk: Desk, passkey: SoftPasskey, name: str = "Phone") -> Answer:
    answer = passkey.create(options_of(desk, "/clinic/account/passkeys"))
    return desk.post("/clinic/account/passkeys", {"name": name, "passkey": dumps(answer).decode()})


def give(desk: Desk, passkey: SoftPasskey, options: dict[str, Any]) -> Answer:
    return desk.post("/clinic/sign-in/passkey", {"passkey": dumps(passkey.get(options)).decode()})


@pytest.fixture
def phone(desk: Desk, casey: Person) -> SoftPasskey:
    """Return a passkey of the coordinator's, added at her desk."""
    passkey = SoftPasskey()
    answer = add(desk, passkey)
    assert answer.headers["Location"] == "/clinic/account?done=passkey"
    return passkey


def test_a_passkey_leads_to_the_worklist_in_a_session_of_its_own(nobody: Desk, phone: SoftPasskey, look: Look) -> None:
    nobody.get("/clinic/sign-in")
    answer = give(nobody, phone, options_of(nobody, "/clinic/sign-in/passkey"))

    assert (answer.status_code, answer.headers["Location"]) == (303, "/clinic/")
    assert "Worklist" in text_of(nobody.get("/clinic/"))
    (entry,) = look(AuditEntry, route="POST /clinic/sign-in/passkey")
    assert (entry.action, entry.about) == (AuditAction.token, {"by": "passkey"})


def test_what_one_browser_was_asked_no_other_answers(nobody: Desk, phone: SoftPasskey, app: Flask) -> None:
    other = Desk(app.test_client())
    for each in (nobody, other):
        each.get("/clinic/sign-in")

    answer = give(other, phone, options_of(nobody, "/clinic/sign-in/passkey"))

    assert answer.status_code == 401
    assert "This passkey did not sign you in" in text_of(answer)
    assert other.client.get_cookie(COOKIE) is None


def test_a_passkey_stands_for_the_code(nobody: Desk, casey: Person, phone: SoftPasskey) -> None:
    give_password(nobody, casey)
    sent = dumps(phone.get(options_of(nobody, "/clinic/sign-in/code"))).decode()

    answer = nobody.post("/clinic/sign-in/code", {"passkey": sent, "next": "/clinic/account"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/clinic/account")
    assert "Phone" in text_of(nobody.get("/clinic/account"))


def test_a_passkey_is_a_fresh_factor(desk: Desk, phone: SoftPasskey) -> None:
    sent = dumps(phone.get(options_of(desk, "/clinic/step-up"))).decode()

    right = desk.post("/clinic/step-up", {"passkey": sent, "next": "/clinic/account"})
    again = desk.post("/clinic/step-up", {"passkey": sent, "next": "/clinic/account"})

    assert (right.status_code, again.status_code) == (303, 403)


def test_passkeys_are_listed_told_apart_and_removed(desk: Desk, phone: SoftPasskey, look: Look) -> None:
    named = add(desk, SoftPasskey(), "  Key <b>ring</b> ")
    shown = desk.get("/clinic/account").get_data(as_text=True)
    nameless = add(desk, SoftPasskey(), " ")
    (first, second) = look(Passkey)
    removed = desk.post(f"/clinic/account/passkeys/{first.id}/remove")

    assert (named.status_code, nameless.status_code) == (303, 422)
    assert "Key &lt;b&gt;ring&lt;/b&gt;" in shown
    assert removed.headers["Location"] == "/clinic/account?done=passkey_removed"
    assert [each.id for each in look(Passkey)] == [second.id]
    assert desk.post(f"/clinic/account/passkeys/{first.id}/remove").status_code == 404


def test_a_stopped_passkey_is_shown_as_such(desk: Desk, phone: SoftPasskey, session: Session, casey: Person) -> None:
    (row,) = session.query(Passkey)
    row.stopped_at = casey.clock.now()
    session.commit()

    assert "Out of use" in text_of(desk.get("/clinic/account"))


@pytest.mark.parametrize("sent", ["", "[]", "{", "{}", '{"rawId": "AAAA"}', "[" * 9000])
def test_what_is_no_answer_is_refused_as_a_page(sent: str, desk: Desk, nobody: Desk, casey: Person) -> None:
    nobody.get("/clinic/sign-in")
    answers = [
        nobody.post("/clinic/sign-in/passkey", {"passkey": sent}),
        desk.post("/clinic/account/passkeys", {"passkey": sent, "name": "x"}),
    ]

    assert {each.status_code for each in answers} <= {400, 401, 422}
    assert all(each.content_type.startswith("text/html") for each in answers)


def test_the_script_is_asked_for_by_pages_that_need_it_and_forms_wait_for_it(desk: Desk, nobody: Desk) -> None:
    for page in (desk.get("/clinic/account"), desk.get("/clinic/step-up"), nobody.get("/clinic/sign-in")):
        text = page.get_data(as_text=True)
        assert "passkeys.js" in text
        assert text.count("data-passkey=") == text.count(' hidden>\n<input type="hidden" name="passkey"') == 1
    assert "passkeys.js" not in desk.get("/clinic/").get_data(as_text=True)


def test_options_are_told_to_forms_of_ours_alone(nobody: Desk) -> None:
    nobody.get("/clinic/sign-in")

    assert nobody.client.post("/clinic/sign-in/passkey/options", data={FIELD: "0" * 64}).status_code == 403
