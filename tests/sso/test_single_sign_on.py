"""Staff sign in by their clinic's own provider, a real one; what it does not say is not believed.

The provider's clock is the machine's, so that of the application is too.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, SignInProvider, StaffIdentity, Token
from models.audit import AuditAction
from models.identity import TokenKind
from tests.api.conftest import Clinic, Look
from tests.api.signing_in import Person, give_credential
from tests.clock import FixedClock
from tests.dashboard.conftest import COOKIE, Answer, Desk, text_of
from tests.sso.providers import RealProvider, as_it_is, real_provider

pytestmark = pytest.mark.slow
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


def swap(provider: RealProvider, other: dict[str, Any]) -> None:
    """Have the provider answer the exchange of a code with something else."""
    provider.alter = lambda path, told: other if path.endswith("/token/") else told


def token_for(provider: RealProvider, address: str, client: str = "hudson") -> dict[str, Any]:
    """Return what the provider gives whoever is at its client's sign-in, without the clinic."""
    verifier = "v" * 64
    asked = {name: each[0] for name, each in parse_qs(urlsplit(address).query).items()} | {"client_id": client}
    asked |= {"code_challenge": verifier, "code_challenge_method": "plain"}
    told = provider.sign_in(f"{provider.issuer}/authorize/?{urlencode(asked)}", "casey")
    sent = {"grant_type": "authorization_code", "code": told["code"], "code_verifier": verifier, "redirect_uri": BACK}
    answer = httpx.post(f"{provider.issuer}/token/", data=sent, auth=(client, SECRET), trust_env=False)
    told_for: dict[str, Any] = answer.json()
    return told_for


def part(told: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return told


def forged(attack: str, address: str, first: RealProvider, second: RealProvider) -> dict[str, Any]:
    """Return a provider's answer that fits this sign-in in everything, but for the attack of that name."""
    real = {
        "nothing": (first, address, "hudson"),
        "another sign-in's nonce": (first, address.replace("nonce=", "nonce=another"), "hudson"),
        "another client of the issuer": (first, address, "another"),
        "another issuer": (second, address, "hudson"),
    }
    if attack in real:
        return token_for(*real[attack])
    right = token_for(first, address)
    token = str(right["id_token"])
    if attack == "another issuer's key under its name":
        claims = claims_of(token) | {"email": "dana@hudson.example.org"}
        token = (
            f"{token.split('.', maxsplit=1)[0]}.{part(claims)}.{token_for(second, address)['id_token'].split('.')[2]}"
        )
    if attack == "none":
        token = f"{part({'alg': 'none'})}.{part(claims_of(token))}."
    if attack == "signed with the clinic's secret":
        told = f"{part({'alg': 'HS256'})}.{part(claims_of(token))}"
        signature = hmac.new(SECRET.encode(), told.encode(), hashlib.sha256).digest()
        token = f"{told}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    return right | {"id_token": {"no token at all": None, "half a token": token[:200]}.get(attack, token)}


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "attack",
    [
        "nothing", "another sign-in's nonce", "another client of the issuer", "another issuer",
        "another issuer's key under its name", "none", "signed with the clinic's secret", "no token at all",
        "half a token",
    ],
)  # fmt: skip
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    attack: str, desk: Desk, casey: Person, clinic: Clinic, providers: tuple[RealProvider, RealProvider],
    provider: RealProvider, look: Look,
) -> None:  # fmt: skip
    address = begin(desk, clinic)
    other = forged(attack, address, provider, providers[1])
    told = provider.sign_in(address, "casey")
    swap(provider, other)

    answer = finish(desk, told)

    is_right = attack == "nothing"
    assert answer.status_code == (200 if is_right else 401)
    assert refused(look, clinic) == ([] if is_right else ["token_refused"])


@pytest.mark.sqlite_only
@pytest.mark.parametrize("hours", [-1, 11])
def test_a_token_of_another_time_is_refused(
    hours: int,
    desk: Desk,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    look: Look,
) -> None:
    casey.clock.advance(timedelta(hours=hours))  # it is good for ten hours

    assert come_back(desk, clinic, provider).status_code == 401
    assert refused(look, clinic) == ["token_refused"]


def test_two_practices_are_not_mixed_up(
    desk: Desk, app: Flask, casey: Person, clinic: Clinic, foreign_clinic: Clinic, session: Session, look: Look,
    providers: tuple[RealProvider, RealProvider],
) -> None:  # fmt: skip
    first, second = providers
    use(session, foreign_clinic, second)
    other = Desk(app.test_client())
    here, there = begin(desk, clinic), begin(other, foreign_clinic)
    told_here, told_there = first.sign_in(here, "casey"), second.sign_in(there, "casey")

    crossed = finish(desk, told_there)
    with_foreign_code = finish(Desk(desk.client), told_here | {"code": told_there["code"]})
    kept = other.client.get_cookie(KEPT)
    assert kept is not None
    secret, _, _ = kept.value.partition(".")
    other.client.set_cookie(KEPT, f"{secret}.{clinic.id}")
    bent = finish(other, told_there)

    assert (crossed.status_code, with_foreign_code.status_code, bent.status_code) == (401, 401, 401)
    assert look(StaffIdentity) == []


@pytest.mark.sqlite_only
def test_an_answer_that_names_another_issuer_is_refused(
    desk: Desk,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    look: Look,
) -> None:
    told = provider.sign_in(begin(desk, clinic), "casey")

    assert finish(desk, told | {"iss": "https://evil.example"}).status_code == 401
    assert refused(look, clinic) == ["other_issuer"]


@pytest.mark.sqlite_only
def test_a_provider_that_must_name_itself_and_does_not_is_refused(
    desk: Desk,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    look: Look,
) -> None:
    told = provider.sign_in(begin(desk, clinic), "casey")
    provider.alter = lambda path, said: said | {"authorization_response_iss_parameter_supported": True}

    assert finish(desk, told).status_code == 401
    assert refused(look, clinic) == ["other_issuer"]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("issuer", "https://evil.example", "other_issuer"),
        ("jwks_uri", "http://169.254.169.254/latest/meta-data", "provider_away"),
        ("token_endpoint", "http://127.0.0.1:9/token", "provider_away"),
        ("token_endpoint", None, "provider_unreadable"),
    ],
)
def test_what_a_provider_says_of_itself_leads_nowhere_else(
    name: str, value: str | None, code: str, desk: Desk, casey: Person, clinic: Clinic, provider: RealProvider,
    look: Look,
) -> None:  # fmt: skip
    told = provider.sign_in(begin(desk, clinic), "casey")
    provider.alter = lambda path, said: said | {name: value} if path.endswith("openid-configuration") else said

    answer = finish(desk, told)

    assert answer.status_code == (502 if code == "provider_away" else 401)
    assert refused(look, clinic) == [code]


@pytest.mark.sqlite_only
def test_a_provider_that_is_away_is_told_of_before_and_after(
    desk: Desk,
    casey: Person,
    clinic: Clinic,
    provider: RealProvider,
    look: Look,
) -> None:
    told = provider.sign_in(begin(desk, clinic), "casey")
    provider.is_away = True
    after = finish(desk, told)
    before = desk.post(START, {"practice": clinic.practice.slug})

    assert (after.status_code, before.status_code) == (502, 502)
    assert "does not answer" in text_of(before)
    assert refused(look, clinic) == ["provider_away"]


@pytest.mark.sqlite_only
def test_a_clinic_without_a_provider_answers_as_one_that_is_not_there(desk: Desk, clinic: Clinic) -> None:
    desk.get("/clinic/sign-in")
    answers = [desk.post(START, {"practice": slug}) for slug in (clinic.practice.slug, "nowhere")]

    assert [each.status_code for each in answers] == [401, 401]
    pages = [text_of(each) for each in answers]
    assert pages[0] == pages[1]


@pytest.mark.sqlite_only
def test_a_person_who_says_no_at_the_provider_is_refused(desk: Desk, casey: Person, clinic: Clinic, look: Look) -> None:
    state = parse_qs(urlsplit(begin(desk, clinic)).query)["state"][0]

    assert finish(desk, {"error": "access_denied", "state": state}).status_code == 401
    assert refused(look, clinic) == ["provider_refused"]
