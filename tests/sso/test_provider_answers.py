"""What a provider says is not believed by itself: tokens for others, of another time, forged, or of another name."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import StaffIdentity
from tests.api.conftest import Clinic, Look
from tests.api.signing_in import Person
from tests.dashboard.conftest import Desk, text_of
from tests.sso.conftest import BACK, KEPT, SECRET, START, begin, come_back, finish, refused, use
from tests.sso.providers import RealProvider

pytestmark = pytest.mark.slow


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
