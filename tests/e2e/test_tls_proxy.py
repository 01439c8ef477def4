"""The proxy of `deploy/nginx.conf` before the service: run by nginx as it stands, but for ports, paths, certificate."""

import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme
from sqlalchemy.orm import Session

from schedules.clock import SystemClock
from service.identity.tokens import enrol_device
from tests.api.conftest import API, Clinic, make_clinic
from tests.e2e.clinic_at import ROOT
from tests.e2e.test_killed_service import running_service
from tests.needs import need
from tests.processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.sqlite_only]
HOST = "recovery.example.org"
SECRET = "a-secret-of-a-link"
PREAMBLE = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/start.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/recovery.conf;
}}
"""


@dataclass(frozen=True)
class Proxied:
    """The clinic's service behind its proxy."""

    clinic: Clinic
    token: str
    plain: httpx.Client
    client: httpx.Client
    logs: Path

    def get(self, path: str, **options: object) -> httpx.Response:
        """Return the answer to the patient's phone."""
        return self.client.get(path, headers={"Authorization": f"Bearer {self.token}"}, **options)  # type: ignore[arg-type]


@pytest.fixture
def proxied(session: Session, database_url: str, tmp_path: Path) -> Iterator[Proxied]:
    """Yield a clinic that nginx serves by TLS."""
    clinic = make_clinic(session)
    token = enrol_device(session, clinic.id, clinic.patient.id, SystemClock().now()).access.secret
    session.commit()
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        need("nginx", package="nginx-light", why="there is no program nginx")
    authority = trustme.CA()
    plain_port, port = _free_port(), _free_port()
    with ExitStack() as stack:
        address, _ = stack.enter_context(running_service(database_url))
        configuration = _configure(tmp_path, authority, {"80": plain_port, "443": port}, address)
        proxy = stack.enter_context(subprocess.Popen([program, "-p", str(tmp_path), "-c", str(configuration)]))
        stack.callback(proxy.terminate)
        context = ssl.create_default_context()
        authority.configure_trust(context)
        client = httpx.Client(base_url=f"https://localhost:{port}", verify=context, timeout=20)
        plain = httpx.Client(base_url=f"http://localhost:{plain_port}", timeout=20)
        stack.enter_context(client)
        stack.enter_context(plain)
        wait_for(lambda: _answers(client), "the service behind its proxy")
        yield Proxied(clinic, token, plain, client, tmp_path)


def _configure(folder: Path, authority: trustme.CA, ports: dict[str, int], address: str) -> Path:
    certificate = authority.issue_cert("localhost", HOST)
    certificate.private_key_pem.write_to_path(folder / "privkey.pem")
    for part in certificate.cert_chain_pems:
        part.write_to_path(folder / "fullchain.pem", append=True)
    text = (ROOT / "deploy/nginx.conf").read_text()
    for known, port in ports.items():
        text = re.sub(rf"(listen (?:\[::\]:)?){known}\b", rf"\g<1>{port}", text)
    text = text.replace("http://127.0.0.1:8000", address)
    text = text.replace("/etc/ssl/recovery", str(folder)).replace("/var/log/nginx", str(folder))
    (folder / "recovery.conf").write_text(text)
    main = folder / "nginx.conf"
    main.write_text(PREAMBLE.format(folder=folder))
    return main


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.HTTPError:
        return False


def test_a_phone_is_served_by_tls_and_no_address_is_logged(proxied: Proxied) -> None:
    moved = proxied.plain.get(f"/m/{SECRET}")
    link = proxied.client.get(f"/m/{SECRET}")
    own = proxied.get(f"{API}/episodes/{proxied.clinic.episode.id}/reminders")
    too_large = proxied.client.post(f"{API}/imports", content=b"x" * (16 * 1024 * 1024 + 1))

    assert moved.status_code == 308
    assert moved.headers["Location"].startswith("https://")
    assert link.status_code == 200  # a form that does not tell whether the link is one
    assert own.status_code == 200
    assert too_large.status_code == 413
    assert "nginx/" not in too_large.text + str(too_large.headers)
    logged = "".join(each.read_text() for each in proxied.logs.glob("*.log"))
    assert " 308 GET " in logged
    assert " 200 GET " in logged
    assert SECRET not in logged
    assert API not in logged


def test_a_change_reaches_a_waiting_phone_through_the_proxy(proxied: Proxied) -> None:
    told: list[str] = []
    body = {"episode_id": proxied.clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4}
    headers = {"Authorization": f"Bearer {proxied.token}"}

    with proxied.client.stream("GET", f"{API}/sync/events", headers=headers) as stream:

        def listen() -> None:
            for line in stream.iter_lines():
                told.append(line)
                if "RESYNC" in line:
                    return

        listening = threading.Thread(target=listen)
        listening.start()
        wait_for(lambda: ": open" in told, "the stream's first line")
        stored = proxied.client.put(f"{API}/check-ins/one", json=body, headers=headers)
        listening.join(10)

    assert stored.status_code == 201
    assert "data: RESYNC" in told


def test_who_says_to_come_from_elsewhere_is_known_by_where_he_comes_from(proxied: Proxied) -> None:
    def sign_in(number: int) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        return proxied.client.post(f"{API}/sign-in", json={}, headers=headers).status_code

    statuses = [sign_in(number) for number in range(1, 62)]

    assert statuses[0] == 422
    assert statuses[-1] == 429  # were he believed, each would be the first of its address
