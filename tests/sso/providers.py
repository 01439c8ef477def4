"""Real providers for tests, each behind a middle that passes everything on, or for an attack something else."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from config import environment_with
from tests.e2e.clinic_at import ROOT
from tests.processes import wait_for

Alter = Callable[[str, dict[str, Any]], dict[str, Any]]
USERS = {
    "casey": {"email": "casey@hudson.example.org", "is_verified": True},
    "imposter": {"email": "casey@hudson.example.org", "is_verified": False},
    "successor": {"email": "Casey@Hudson.example.org", "is_verified": True},
    "stranger": {"email": "stranger@hudson.example.org", "is_verified": True},
    "dana": {"email": "dana@hudson.example.org", "is_verified": True},
}


def as_it_is(_path: str, told: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as the provider gave it."""
    return told


@dataclass
class RealProvider:
    """A provider's address as the clinic knows it. `alter` changes its JSON answers on their way, by path."""

    address: str
    alter: Alter = as_it_is
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """Return what it calls itself."""
        return f"{self.address}/o"

    def sign_in(self, address: str, user: str) -> dict[str, str]:
        """Sign in at an address of the provider as a person at a browser does. Return what comes back with them."""
        with httpx.Client(follow_redirects=True, trust_env=False) as browser:
            page = browser.get(address)
            token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]
            sent = {"csrfmiddlewaretoken": token, "username": user, "password": user}
            sent["next"] = dict(parse_qsl(page.url.query.decode()))["next"]
            answer = browser.post(page.url, data=sent, follow_redirects=False)
            back = browser.get(str(page.url.join(answer.headers["Location"])), follow_redirects=False)
        return dict(parse_qsl(urlsplit(back.headers["Location"]).query))


@contextmanager
def real_provider(clients: dict[str, dict[str, str]]) -> Iterator[RealProvider]:
    """Yield a provider in a process of its own, which knows `USERS` and these clients."""
    with socket.create_server(("127.0.0.1", 0)) as listener, _middle(listener.getsockname()[1]) as provider:
        command = [sys.executable, "-m", "tests.sso.provider_server", str(listener.fileno()), provider.issuer]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment_with({}), pass_fds=[listener.fileno()], stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps({"users": USERS, "clients": clients}).encode())
        process.stdin.close()
        try:
            wait_for(lambda: _answers(provider), "the provider", seconds=60)
            yield provider
        finally:
            process.terminate()
            process.wait(10)


def _answers(provider: RealProvider) -> bool:
    try:
        return httpx.get(f"{provider.issuer}/.well-known/openid-configuration", timeout=30, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def _middle(port: int) -> Iterator[RealProvider]:
    """Yield what stands between the clinic and the provider at `port`."""
    provider = RealProvider("")
    forward = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)

    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            provider.asked.append(self.path)
            if provider.is_away:
                self.send_error(503)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            forward.cookies.clear()
            answer = forward.request(self.command, self.path, headers=headers, content=body)
            told = answer.content
            if answer.headers.get("Content-Type", "").startswith("application/json") and answer.is_success:
                told = json.dumps(provider.alter(urlsplit(self.path).path, answer.json())).encode()
            self.send_response(answer.status_code)
            for name, value in answer.headers.multi_items():
                if name not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = _pass_on  # noqa: N815 - called by these names

        def log_message(self, *_: object) -> None:
            """Tell nobody."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        forward.close()
