"""Staff sign in by their clinic's own provider, a real one, each answer once and in time."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry, StaffIdentity, Token
from models.audit import AuditAction
from models.identity import TokenKind
from tests.api.conftest import Clinic, Look
from tests.api.signing_in import Person
from tests.dashboard.conftest import COOKIE, Desk, text_of
from tests.sso.conftest import END, KEPT, begin, come_back, finish, refused, use
from tests.sso.providers import RealProvider

pytestmark = pytest.mark.slow


def test_the_provider_stands_for_the_password_and_the_second_factor_is_asked_for_here(
    desk: Desk,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    look: Look,
) -> None:
    asked = come_back(desk, clinic, provider)
    before = desk.get("/clinic/").status_code
    signed_in = desk.post("/clinic/sign-in/code", {"code": casey.code()})

    assert (asked.status_code, before, signed_in.status_code) == (200, 401, 303)
    assert "Second step" in text_of(asked)
    assert desk.get("/clinic/").status_code == 200
    (identity,) = look(StaffIdentity, practice_id=clinic.id)
    assert (identity.staff_id, identity.issuer) == (casey.staff.id, provider.issuer)
    entries = look(AuditEntry, practice_id=clinic.id, action=AuditAction.token)
    told = [(each.route, each.actor_id, each.about) for each in entries]
    assert told[0] == (f"GET {END}", casey.staff.id, {"by": "provider"})
    (begun,) = look(Token, kind=TokenKind.staff_session)
    assert begun.expires_at - begun.made_at == timedelta(hours=12)


def test_what_is_asked_has_state_nonce_and_a_hashed_verifier(desk: Desk, casey: Person, clinic: Clinic) -> None:
    first, second = (parse_qs(urlsplit(begin(desk, clinic)).query) for _ in range(2))

    assert first["response_type"] == ["code"]
    assert first["code_challenge_method"] == ["S256"]
    assert first["scope"] == ["openid email"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


def test_whoever_has_no_second_factor_sets_one_up_whatever_the_provider_asked_for(
    desk: Desk,
    session: Session,
    clinic: Clinic,
    provider: RealProvider,
) -> None:
    use(session, clinic, provider)

    answer = come_back(desk, clinic, provider)
    shown = desk.post("/clinic/sign-in/authenticator")

    assert "authenticator" in text_of(answer).lower()
    assert "<svg" in shown.get_data(as_text=True)
    assert desk.client.get_cookie(COOKIE) is None


def test_a_linked_subject_is_known_after_the_address_changed_and_its_successor_is_not(
    desk: Desk,
    app: Flask,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    session: Session,
    look: Look,
) -> None:
    successor = come_back(Desk(app.test_client()), clinic, provider, "successor")  # takes the link, verified
    late = come_back(desk, clinic, provider)
    clinic.coordinator.email = "casey.rivera@hudson.example.org"
    session.merge(clinic.coordinator)
    session.commit()
    again = come_back(Desk(app.test_client()), clinic, provider, "successor")

    assert (successor.status_code, late.status_code, again.status_code) == (200, 401, 200)
    assert len(look(StaffIdentity)) == 1
    assert refused(look, clinic) == ["unknown_person"]


@pytest.mark.parametrize("user", ["imposter", "stranger"])
def test_an_unverified_or_unknown_address_makes_nobody_staff(
    user: str,
    desk: Desk,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    look: Look,
) -> None:
    answer = come_back(desk, clinic, provider, user)

    assert answer.status_code == 401
    assert "did not sign you in" in text_of(answer)
    assert look(StaffIdentity) == []
    assert refused(look, clinic) == ["unknown_person"]


@pytest.mark.parametrize("is_linked", [True, False])
def test_whoever_is_disabled_stays_out(
    is_linked: bool,
    desk: Desk,
    app: Flask,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    session: Session,
) -> None:
    if is_linked:
        assert come_back(Desk(app.test_client()), clinic, provider).status_code == 200
    clinic.coordinator.disabled_at = casey.clock.now()
    session.merge(clinic.coordinator)
    session.commit()

    assert come_back(desk, clinic, provider).status_code == 401


def test_an_answer_is_taken_once_and_an_old_code_opens_nothing(
    desk: Desk,
    app: Flask,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    look: Look,
) -> None:
    told = provider.sign_in(begin(desk, clinic), "casey")
    kept = desk.client.get_cookie(KEPT)
    first = finish(desk, told)
    assert kept is not None
    desk.client.set_cookie(KEPT, kept.value)
    again = finish(desk, told)
    other = Desk(app.test_client())
    fresh = parse_qs(urlsplit(begin(other, clinic)).query)["state"][0]
    replayed = finish(other, told | {"state": fresh})

    assert (first.status_code, again.status_code, replayed.status_code) == (200, 401, 401)
    assert refused(look, clinic) == ["code_refused"]


def test_a_code_that_was_stolen_before_its_use_opens_nothing_elsewhere(
    desk: Desk,
    app: Flask,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    look: Look,
) -> None:
    told = provider.sign_in(begin(desk, clinic), "casey")
    thief = Desk(app.test_client())
    fresh = parse_qs(urlsplit(begin(thief, clinic)).query)["state"][0]

    answers = [finish(Desk(app.test_client()), told), finish(thief, told), finish(thief, told | {"state": fresh})]

    assert [each.status_code for each in answers] == [401] * 3  # the last: another verifier


def test_an_answer_comes_within_five_minutes(
    desk: Desk,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
) -> None:
    told = provider.sign_in(begin(desk, clinic), "casey")
    casey.clock.advance(timedelta(minutes=5))

    assert finish(desk, told).status_code == 401
