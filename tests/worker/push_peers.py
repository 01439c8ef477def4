"""Firebase, Expo and a browser's push service as they answer: each checks who asks and opens what it is sent."""

import contextlib
import functools
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import http_ece
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from models.push_forms import Subscription
from schedules.delivery.channels.expo import ExpoService
from schedules.delivery.channels.fcm import FcmProject
from schedules.delivery.channels.web_push import WebPushSigner

PROJECT, CLIENT = "recovery-1", "push@recovery-1.example.org"
EXPO_TOKEN = "expo-token"
CONTACT = "mailto:push@clinic.example.org"
Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(slots=True)
class PushPeer:
    """A provider's memory and manners. `answer` may take over from how it usually answers a message."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)  # the requests that handed messages over, in their order
    connections: int = 0
    answer: Callable[[Seen], Reply | None] = lambda _seen: None

    def take(self, seen: Seen) -> Reply:
        """Answer a request that hands messages over."""
        if not self.may_ask(seen):
            return reply(401, {"error": {"status": "UNAUTHENTICATED"}})
        self.seen.append(seen)
        return self.answer(seen) or self.accept(seen)

    def may_ask(self, seen: Seen) -> bool:
        raise NotImplementedError

    def accept(self, seen: Seen) -> Reply:
        raise NotImplementedError


@dataclass(slots=True)
class FcmPeer(PushPeer):
    """Firebase with its token service. `tokens` are those that it gave and takes; `assertions` what it was asked by."""

    tokens: list[str] = field(default_factory=list)
    assertions: list[dict[str, Any]] = field(default_factory=list)
    answer_token: Callable[[], Reply | None] = lambda: None

    @property
    def project(self) -> FcmProject:
        """Return the settings with which it is reached."""
        return FcmProject(self.url, PROJECT, CLIENT, f"{self.url}/token", pem_of(rsa_key()))

    def take(self, seen: Seen) -> Reply:
        return self._give_token(seen) if seen.path == "/token" else PushPeer.take(self, seen)

    def may_ask(self, seen: Seen) -> bool:
        assert seen.path == f"/v1/projects/{PROJECT}/messages:send"
        return seen.headers["authorization"].removeprefix("Bearer ") in self.tokens

    def accept(self, seen: Seen) -> Reply:
        return reply(200, {"name": f"projects/{PROJECT}/messages/0:{len(self.seen)}%abc"})

    def _give_token(self, seen: Seen) -> Reply:
        form = {name: values[0] for name, values in parse_qs(seen.body.decode(), strict_parsing=True).items()}
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        claims = jwt.decode(
            form["assertion"],
            rsa_key().public_key(),
            algorithms=["RS256"],
            audience=f"{self.url}/token",
            issuer=CLIENT,
            options={"verify_exp": False, "verify_iat": False},  # the tests' clock stands still
        )
        self.assertions.append(claims)
        other = self.answer_token()
        if other is not None:
            return other
        self.tokens.append(f"ya29.token-{len(self.assertions)}")
        return reply(200, {"access_token": self.tokens[-1], "expires_in": 3599, "token_type": "Bearer"})


@dataclass(slots=True)
class ExpoPeer(PushPeer):
    """Expo's service. `receipts` are what it tells later, by ticket."""

    receipts: dict[str, Any] = field(default_factory=dict)
    token: str | None = EXPO_TOKEN

    @property
    def service(self) -> ExpoService:
        """Return the settings with which it is reached."""
        return ExpoService(self.url, self.token)

    def may_ask(self, seen: Seen) -> bool:
        return seen.headers.get("authorization") == (None if self.token is None else f"Bearer {self.token}")

    def accept(self, seen: Seen) -> Reply:
        if seen.path == "/--/api/v2/push/getReceipts":
            known = {each: self.receipts[each] for each in seen.json["ids"] if each in self.receipts}
            return reply(200, {"data": known})
        assert seen.path == "/--/api/v2/push/send"
        return reply(200, {"data": [{"status": "ok", "id": f"ticket-{each['to'][18:-1]}"} for each in seen.json]})


@dataclass(slots=True)
class BrowserPeer(PushPeer):
    """A push service and the browser behind it, which opens what it gets. `claims` are who signed it."""

    claims: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = bytes(range(16))

    @property
    def subscription(self) -> Subscription:
        """Return the browser's address."""
        return Subscription(f"{self.url}/push/device-1", point_of(self.key), self.auth)

    def may_ask(self, seen: Seen) -> bool:
        scheme, _, told = seen.headers["authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in told.split(","))
        point = jwt.utils.base64url_decode(parts["k"])
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        options: Any = {"verify_exp": False}  # the tests' clock stands still
        self.claims.append(jwt.decode(parts["t"], key, algorithms=["ES256"], audience=self.url, options=options))
        return scheme == "vapid" and seen.headers["content-encoding"] == "aes128gcm"

    def accept(self, seen: Seen) -> Reply:
        opened = http_ece.decrypt(seen.body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        self.messages.append(orjson.loads(opened))
        return 201, {"Location": f"{self.url}/message/m-{len(self.messages)}"}, b""


def signer_for(*hosts: str) -> WebPushSigner:
    """Return a signer who may post to `hosts`."""
    return WebPushSigner(7, CONTACT, hosts)


def reply(status: int, told: Any = None, **headers: str) -> Reply:
    """Return an answer in JSON."""
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, orjson.dumps(told)


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public point of a key."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Return the key of the service account, made once."""
    return rsa.generate_private_key(65537, 2048)


def pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """Return a private key as providers give it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@contextlib.contextmanager
def running(peer: PushPeer, context: ssl.SSLContext | None = None) -> Iterator[None]:
    """Run the peer on a free port of this machine, encrypted with `context`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"peer": peer}))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    peer.url = f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    peer: PushPeer

    def setup(self) -> None:
        super().setup()
        self.peer.connections += 1

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, body = self.peer.take(Seen(self.path, headers, content))
        self.send_response_only(status)
        for name, value in ({"Content-Length": str(len(body))} | more).items():
            self.send_header(name, value)
        self.end_headers()
        pause = 0.05 if "X-Drip" in more else 0.0
        for start in range(0, len(body), 1 if pause else max(1, len(body))):
            self.wfile.write(body[start : start + 1] if pause else body)
            time.sleep(pause)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""
