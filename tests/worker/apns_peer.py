"""Apple's push service over real HTTP/2 and TLS: it checks the signature of every request."""

import contextlib
import functools
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import orjson
import trustme
from cryptography.hazmat.primitives.asymmetric import ec

from schedules.delivery.channels.apns import ApnsApp
from tests.worker.http2 import answer, read_body, serving
from tests.worker.push_peers import Reply, pem_of, reply

TEAM, KEY_ID, TOPIC = "TEAM123456", "KEY1234567", "org.example.recovery"
OWN_ID = "eabeae54-14a8-11e5-b60b-1697f925ec7b"


@dataclass(frozen=True, slots=True)
class Pushed:
    """A message as it came."""

    token: str
    headers: dict[str, str]
    content: dict[str, Any]


@dataclass(slots=True)
class ApnsPeer:
    """The service's memory and manners. `answer` may take over from how it usually answers."""

    url: str = ""
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)  # trusts its certificate
    pushed: list[Pushed] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)  # the tokens that it was shown
    versions: set[str] = field(default_factory=set)
    answer: Callable[[Pushed], Reply | None] = lambda _pushed: None
    is_silent: bool = False  # takes requests and never answers

    @property
    def app(self) -> ApnsApp:
        """Return the settings with which it is reached."""
        return ApnsApp(self.url, TOPIC, TEAM, KEY_ID, pem_of(signing_key()))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            return
        body = await read_body(receive)
        self.versions.add(scope["http_version"])
        if self.is_silent:
            await receive()  # until whoever asked hangs up
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        await answer(send, self._take(scope["path"], headers, body))

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        token = headers["authorization"].removeprefix("bearer ")
        self.signed.append(token)
        try:
            options: Any = {"verify_iat": False}  # the tests' clock stands still
            claims = jwt.decode(token, signing_key().public_key(), algorithms=["ES256"], issuer=TEAM, options=options)
        except jwt.InvalidTokenError:
            return reply(403, {"reason": "InvalidProviderToken"})
        assert isinstance(claims["iat"], int)
        assert jwt.get_unverified_header(token)["kid"] == KEY_ID
        pushed = Pushed(path.removeprefix("/3/device/"), headers, orjson.loads(body))
        self.pushed.append(pushed)
        name = headers.get("apns-id", OWN_ID)  # without one it makes one
        return self.answer(pushed) or (200, {"apns-id": name.upper()}, b"")


@functools.cache
def signing_key() -> ec.EllipticCurvePrivateKey:
    """Return the team's key, made once."""
    return ec.generate_private_key(ec.SECP256R1())


@contextlib.contextmanager
def apns_service(authority: trustme.CA | None = None) -> Iterator[ApnsPeer]:
    """Run the service on a free port of this machine, with a certificate of `authority` or of its own."""
    peer = ApnsPeer()
    with serving(peer, authority) as (peer.url, peer.context):
        yield peer
