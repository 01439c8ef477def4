"""Apple's push service over real HTTP/2 and TLS: it checks the signature of every request."""

import asyncio
import contextlib
import functools
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import orjson
import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from hypercorn.asyncio import serve
from hypercorn.config import Config

from schedules.delivery.channels.apns import ApnsApp
from tests.worker.push_peers import Reply, pem_of, reply

TEAM, KEY_ID, TOPIC = "TEAM123456", "KEY1234567", "org.example.recovery"


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
        body = bytearray()
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        self.versions.add(scope["http_version"])
        if self.is_silent:
            await receive()  # until whoever asked hangs up
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, more, content = self._take(scope["path"], headers, bytes(body))
        told = [(name.lower().encode(), value.encode()) for name, value in more.items()]
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": content})

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
        return self.answer(pushed) or (200, {"apns-id": headers["apns-id"].upper()}, b"")


@functools.cache
def signing_key() -> ec.EllipticCurvePrivateKey:
    """Return the team's key, made once."""
    return ec.generate_private_key(ec.SECP256R1())


@contextlib.contextmanager
def apns_service() -> Iterator[ApnsPeer]:
    """Run the service on a free port of this machine."""
    peer, over = ApnsPeer(), threading.Event()
    authority = trustme.CA()
    authority.configure_trust(peer.context)
    listener = socket.create_server(("127.0.0.1", 0))
    peer.url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        config = _config(authority.issue_cert("127.0.0.1"), Path(folder), listener)

        async def until_over() -> None:
            await asyncio.to_thread(over.wait)

        runner = threading.Thread(target=lambda: asyncio.run(serve(peer, config, shutdown_trigger=until_over)))
        runner.start()
        try:
            yield peer
        finally:
            over.set()
            runner.join()


def _config(certificate: trustme.LeafCert, folder: Path, listener: socket.socket) -> Config:
    config = Config()
    config.certfile, config.keyfile = str(folder / "certificate.pem"), str(folder / "key.pem")
    certificate.private_key_pem.write_to_path(config.keyfile)
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(config.certfile, append=number > 0)
    config.bind = [f"fd://{listener.detach()}"]  # whoever serves closes it
    config.alpn_protocols = ["h2"]
    config.errorlog = config.accesslog = None
    config.graceful_timeout = config.shutdown_timeout = 0.2
    return config
