"""What a clinic's own provider of sign-ins says, by OpenID Connect: whom it knows, and by what name.

The authorization code flow with PKCE, state and nonce. Authlib speaks OAuth, joserfc reads what is signed. Knows no
member of staff and stores nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from service.identity.guarded_http import WITHIN

SCOPE: Final = "openid email"
# None of the clinic's own secret (HS256) and none at all: whoever signs has a key that only the provider has.
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
_LEEWAY_SECONDS: Final = 60
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_DISCOVERY: Final = "/.well-known/openid-configuration"
_UNREADABLE: Final = (JoseError, AuthlibBaseError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


class ProviderError(Exception):
    """The provider did not say who it is. `code` is a word for the trail; `is_away`: it may say so a little later."""

    def __init__(self, code: str, *, is_away: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.is_away = is_away


@dataclass(frozen=True, slots=True)
class Client:
    """What the clinic is at its provider, and where the provider sends people back to."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sign-in is asked with: `state` comes back, `nonce` in the signed answer, `verifier` proves who asked."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Known:
    """Whom the provider knows. `email` None: it gave none, or has not verified it."""

    issuer: str
    subject: str
    email: str | None


class _OAuth(OAuth2Client):  # type: ignore[misc]  # the library publishes no types
    """Authlib's client, on a session of httpx."""

    def _fetch_token(
        self, url: str, body: str = "", headers: Any = None, auth: Any = None, method: str = "POST", **_: Any
    ) -> Any:
        uri, headers, body = auth.prepare(method, url, headers, body)
        return self.parse_response_token(self.session.request(method, uri, content=body, headers=headers))


class Provider:
    """One clinic's provider, for one sign-in: all of its requests together are over within ten seconds."""

    def __init__(self, client: Client, transport: httpx.BaseTransport) -> None:
        self._client = client
        self._http = httpx.Client(transport=transport, trust_env=False, timeout=WITHIN.total_seconds())
        self._oauth = _OAuth(
            self._http,
            client_id=client.client_id,
            client_secret=client.client_secret,
            scope=SCOPE,
            redirect_uri=client.redirect_uri,
            code_challenge_method="S256",
        )

    def check(self) -> None:
        """Raise ProviderError unless the provider describes itself as the clinic's issuer and shows keys to read.

        Whether the clinic's id and secret are right, a sign-in alone shows.
        """
        keys = self._get(self._discover()["jwks_uri"])
        try:
            KeySet.import_key_set(cast("KeySetSerialization", keys))
        except _UNREADABLE as error:
            raise ProviderError("provider_unreadable") from error

    def address_for(self, asked: Asked) -> str:
        """Return where the person goes to say who they are. Raises ProviderError."""
        endpoint = self._discover()["authorization_endpoint"]
        address, _ = self._oauth.create_authorization_url(
            endpoint, state=asked.state, code_verifier=asked.verifier, nonce=asked.nonce
        )
        return str(address)

    def who_is(self, asked: Asked, answer: Mapping[str, str], now: datetime) -> Known:
        """Return whom the provider's answer is about. Raises ProviderError."""
        known = self._discover()
        told_issuer = answer.get("iss")
        must_tell = known.get("authorization_response_iss_parameter_supported") is True
        if told_issuer != self._client.issuer and (must_tell or told_issuer is not None):
            raise ProviderError("other_issuer")
        if "error" in answer or not answer.get("code"):
            raise ProviderError("provider_refused")
        token = self._exchange(known["token_endpoint"], answer["code"], asked.verifier)
        return self._read(token, known, asked, now)

    def _discover(self) -> dict[str, Any]:
        """Return the provider's own description. It must be about the very issuer that the clinic named."""
        told = self._get(self._client.issuer.rstrip("/") + _DISCOVERY)
        if told.get("issuer") != self._client.issuer:
            raise ProviderError("other_issuer")
        if not all(isinstance(told.get(name), str) for name in _ENDPOINTS):
            raise ProviderError("provider_unreadable")
        return told

    def _exchange(self, endpoint: str, code: str, verifier: str) -> Mapping[str, Any]:
        try:
            token: Mapping[str, Any] = self._oauth.fetch_token(
                endpoint, code=code, code_verifier=verifier, grant_type="authorization_code"
            )
        except httpx.HTTPError as error:
            raise ProviderError("provider_away", is_away=True) from error
        except _UNREADABLE as error:
            raise ProviderError("code_refused") from error
        return token

    def _read(self, token: Mapping[str, Any], known: Mapping[str, Any], asked: Asked, now: datetime) -> Known:
        keys = self._get(known["jwks_uri"])
        offered = known.get("id_token_signing_alg_values_supported")
        algorithms = [each for each in ALGORITHMS if not isinstance(offered, Sequence) or each in offered]
        try:
            signed = jwt.decode(
                token["id_token"], KeySet.import_key_set(cast("KeySetSerialization", keys)), algorithms=algorithms
            )
            claims = CodeIDToken(signed.claims, signed.header, _EXPECTED | self._expected(), self._params(token, asked))
            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_SECONDS)
            subject, email = claims["sub"], claims.get("email")
        except _UNREADABLE as error:
            raise ProviderError("token_refused") from error
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise ProviderError("token_refused")
        is_verified = claims.get("email_verified") is True and isinstance(email, str)
        return Known(self._client.issuer, subject, email if is_verified else None)

    def _expected(self) -> dict[str, Any]:
        return {
            "iss": {"essential": True, "value": self._client.issuer},
            "aud": {"essential": True, "value": self._client.client_id},
        }

    def _params(self, token: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
        return {"nonce": asked.nonce, "client_id": self._client.client_id, "access_token": token.get("access_token")}

    def _get(self, url: str) -> dict[str, Any]:
        try:
            answer = self._http.get(url, headers={"Accept": "application/json"})
            answer.raise_for_status()
            told = answer.json()
        except httpx.HTTPError as error:
            raise ProviderError("provider_away", is_away=True) from error
        except (ValueError, RecursionError) as error:
            raise ProviderError("provider_unreadable") from error
        if not isinstance(told, dict):
            raise ProviderError("provider_unreadable")
        return told


_EXPECTED: Final[dict[str, Any]] = {name: {"essential": True} for name in ("sub", "exp", "iat")}
