"""Marked patients go through real processes and out to real peers, and stay unknown to them (L01).

Web server and worker run as they are started in a clinic, with all they have to say at their most talkative, and their
messages leave by mail, SMS, webhook and push. What is searched: what each provider gets, what each process writes, its
command line and its environment, metrics and health pages, and every answer that refuses.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import environment_with
from models import Patient, Staff, Surgery
from models.push import PushProvider
from models.reminder import Delivery, DeliveryState
from service.identity.tokens import enrol_device, issue_staff_token
from tests import builders
from tests.api.canaries import BORN, EMAIL, MARK, MRN, NAMES, PHONE, is_marked, marks_in_files
from tests.api.conftest import API
from tests.clock import MONDAY_AFTERNOON
from tests.database import AUDIT_KEY, SEAL_KEY, settings_for
from tests.e2e.clinic_at import ROOT, environment_of
from tests.processes import descendants, wait_for
from tests.worker.apns_peer import KEY_ID, TEAM, TOPIC, ApnsPeer, apns_service
from tests.worker.peers import MailPeer, mail_server
from tests.worker.push_peers import CONTACT, EXPO_TOKEN, BrowserPeer, ExpoPeer, FcmPeer, running
from tests.worker.push_samples import APNS_ADDRESS, EXPO_ADDRESS, FCM_ADDRESS
from tests.worker.rows import open_count
from tests.worker.sms_peer import ACCOUNT, SENDER, TOKEN, SmsPeer, sms_service
from tests.worker.webhook_peer import SECRET, WebhookPeer, webhook_service

pytestmark = pytest.mark.slow
WEB_PUSH_KEY = b64encode(bytes(range(1, 33))).decode()
SECRETS = (TOKEN, SECRET, EXPO_TOKEN, WEB_PUSH_KEY, *(b64encode(key).decode() for key in (SEAL_KEY, AUDIT_KEY)))


@dataclass
class Outside:
    """Whoever takes the messages."""

    mail: MailPeer
    sms: SmsPeer
    webhook: WebhookPeer
    expo: ExpoPeer
    fcm: FcmPeer
    apns: ApnsPeer
    browser: BrowserPeer
    authority: Path  # whose word for the last two a worker takes

    @property
    def phones(self) -> tuple[tuple[PushProvider, str], ...]:
        """Return an address with each provider of push."""
        return (
            (PushProvider.expo, EXPO_ADDRESS),
            (PushProvider.fcm, FCM_ADDRESS),
            (PushProvider.apns, APNS_ADDRESS),
            (PushProvider.web_push, self.browser.subscription.text),
        )

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings by which a worker reaches them."""
        firebase = self.fcm.project
        account = {
            "project_id": firebase.project_id,
            "client_email": firebase.client_email,
            "token_uri": firebase.token_uri,
            "private_key": firebase.private_key,
        }
        return {
            "SMTP_PORT": str(self.mail.port),
            "SMS_URL": self.sms.url,
            "SMS_ACCOUNT": ACCOUNT,
            "SMS_TOKEN": TOKEN,
            "SMS_SENDER": SENDER,
            "WEBHOOK_HOSTS": self.webhook.host,
            "EXPO_URL": self.expo.url,
            "EXPO_TOKEN": EXPO_TOKEN,
            "FCM_URL": self.fcm.url,
            "FCM_CREDENTIALS": json.dumps(account),
            "APNS_URL": self.apns.url,
            "APNS_KEY": self.apns.app.key,
            "APNS_KEY_ID": KEY_ID,
            "APNS_TEAM_ID": TEAM,
            "APNS_TOPIC": TOPIC,
            "WEB_PUSH_KEY": WEB_PUSH_KEY,
            "WEB_PUSH_CONTACT": CONTACT,
            "WEB_PUSH_HOSTS": "127.0.0.1",
            "SSL_CERT_FILE": str(self.authority),
        }

    def given(self) -> dict[str, list[str]]:
        """Return all that each was given but the address, the names of its parts too."""
        mails = [[f"{name}: {value}" for name, value in mail.items() if name != "To"] for mail in self.mail.mails]
        bodies = [mail.get_content() for mail in self.mail.mails]
        return {
            "mail": [*("\n".join(each) for each in mails), *bodies],
            "sms": [
                json.dumps({name: value for name, value in form.items() if name != "To"}) for form in self.sms.forms
            ],
            "webhook": [f"{headers} {body.decode()}" for headers, body in self.webhook.requests],
            "push": [f"{each.path} {each.headers} {each.body!r}" for each in (*self.expo.seen, *self.fcm.seen)],
            "apns": [f"{each.headers} {json.dumps(each.content)}" for each in self.apns.pushed],
            "push service": [f"{each.path} {each.headers} {each.body!r}" for each in self.browser.seen],
            "browser": [json.dumps(each) for each in self.browser.messages],  # what it opened
        }


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    """Yield providers of every kind."""
    expo, fcm, browser = ExpoPeer(), FcmPeer(), BrowserPeer()
    authority, encrypted = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(encrypted)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with ExitStack() as stack:
        for each in (expo, fcm):
            stack.enter_context(running(each))
        stack.enter_context(running(browser, encrypted))
        apns = stack.enter_context(apns_service(authority))
        mail = stack.enter_context(mail_server())
        sms, webhook = stack.enter_context(sms_service()), stack.enter_context(webhook_service())
        yield Outside(mail, sms, webhook, expo, fcm, apns, browser, tmp_path / "authority.pem")


@dataclass
class Process:
    """One of ours, with what it writes to its standard output and error."""

    process: "subprocess.Popen[bytes]"
    written: Path
    family: dict[int, tuple[str, str]] = field(default_factory=dict)

    def look(self) -> None:
        """Note command line and environment of it and of all that it started."""
        for pid in {self.process.pid, *descendants(self.process.pid)}:
            with contextlib.suppress(OSError):
                told = [Path(f"/proc/{pid}/{name}").read_bytes().decode() for name in ("cmdline", "environ", "comm")]
                self.family[pid] = f"{told[0]} {told[2]}", told[1]


@contextmanager
def started(
    command: list[str], environment: Mapping[str, str], written: Path, pass_fds: Collection[int] = ()
) -> Iterator[Process]:
    """Run a process with all that it starts, and leave none of them."""
    with written.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment_with(environment), stdout=out, stderr=out, start_new_session=True,
            pass_fds=pass_fds,
        )  # fmt: skip
        try:
            yield Process(process, written)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def ask(
    address: str, path: str, method: str = "GET", body: str | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Return the status of an answer, and all of it: headers too."""
    place = urlsplit(address)
    with contextlib.closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)) as connection:
        connection.request(method, path, None if body is None else body.encode(), headers or {})
        answer = connection.getresponse()
        return answer.status, f"{answer.getheaders()} {answer.read().decode()}"


@contextmanager
def web_server(environment: Mapping[str, str], at: str, written: Path) -> Iterator[tuple[str, Process]]:
    """Run the web server with a clock that stands at an instant, and yield its address and it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "gunicorn", f"tests.e2e.clinic_at:at('{at}')"]
        command += ["--bind", f"fd://{listener.fileno()}", "--threads", "2"]
        command += ["--no-control-socket"]
        with started(command, environment, written, pass_fds=[listener.fileno()]) as server:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", server


def mark_patients(session: Session, outside: Outside) -> Staff:
    """Store patients whose records are nothing but marks, one for each way out, with a message due to each.

    Return one of their clinic's staff.
    """
    practice = builders.practice(session, webhook_url=outside.webhook.url, webhook_secret=SECRET)
    whose = NAMES | {"email": EMAIL, "phone": PHONE, "date_of_birth": BORN}
    for number, way in enumerate(("email", "sms", "webhook", *["push"] * len(outside.phones))):
        builders.due_delivery(session, practice, channels=[way], mrn=f"{MRN}-{number}", **whose)
    patients = session.scalars(select(Patient).where(Patient.practice_id == practice.id).order_by(Patient.mrn)).all()
    for patient, (provider, address) in zip(patients[3:], outside.phones, strict=True):
        builders.push_address(session, builders.device(session, patient), provider=provider, address=address)
    member = builders.staff(session, practice)
    session.commit()  # no row takes two changes of one transaction
    for surgery in session.scalars(select(Surgery).where(Surgery.practice_id == practice.id)):
        surgery.site, surgery.indication = f"{MARK} hospital", f"{MARK} indication"
    session.commit()
    return member


def answers(address: str, phone: str, staff: str) -> list[tuple[int, str]]:
    """Return the answers to requests with marks in all their parts, none of which is granted."""
    sent = {"Content-Type": "application/json"}
    of_phone, of_staff = ({"Authorization": f"Bearer {each}"} for each in (phone, staff))
    report = json.dumps({"episode_id": MARK, "reported_at": MARK, "pain": MARK, MARK: MARK, "note": f"{MARK} note"})
    person = json.dumps(NAMES | {"mrn": MRN, "email": EMAIL, "phone": PHONE, "country": MARK})
    signing_in = json.dumps({"practice": MARK, "email": EMAIL, "password": f"{MARK} password"})
    return [
        ask(address, f"{API}/check-ins/one", "PUT", report, sent | of_phone),
        ask(address, f"{API}/check-ins/one", "PUT", f'{{"{MARK}', sent | of_phone),
        ask(address, f"{API}/patients/new", "PUT", person, sent | of_staff),
        ask(address, f"{API}/sign-in", "POST", signing_in, sent),
        ask(address, f"{API}/patients/{MARK}", headers=of_staff),
        ask(address, f"{API}/patients?status={MARK}", headers=of_staff),
        ask(address, f"{API}/patients", headers={"Authorization": f"Bearer {MARK}"}),
        ask(address, "/clinic/patients/nobody", headers={"Cookie": f"clinic={MARK}"}),
        ask(address, "/clinic/sign-in", "POST", f"email={EMAIL}&practice={MARK}&password={MARK}"),
        ask(address, "/m/nobody", headers={"User-Agent": MARK}),
        ask(address, f"/{MARK}"),
        ask(address, "/metrics"),
    ]


def test_no_process_provider_or_page_learns_more_of_a_marked_patient_than_the_address(
    session: Session, engine: Engine, database_url: str, outside: Outside, tmp_path: Path
) -> None:
    member = mark_patients(session, outside)
    patient_id = session.scalars(select(Patient.id).where(Patient.mrn == f"{MRN}-0")).one()
    phone = enrol_device(session, member.practice_id, patient_id, MONDAY_AFTERNOON).access.secret
    staff = issue_staff_token(session, member, MONDAY_AFTERNOON).secret
    session.commit()
    pages = f"http://127.0.0.1:{free_port()}"
    settings = environment_of(settings_for(database_url)) | {
        "LOG_LEVEL": "DEBUG",
        "TMPDIR": str(tmp_path / "temporary"),
    }
    (tmp_path / "temporary").mkdir()
    at = MONDAY_AFTERNOON.isoformat()
    worker_command = [sys.executable, "-m", "tests.e2e.worker_at", at]
    of_worker = settings | outside.environment | {"WORKER_PORT": pages.rpartition(":")[2], "POLL_SECONDS": "0.2"}

    with (
        web_server(settings, at, tmp_path / "web") as (address, web),
        started(worker_command, of_worker, tmp_path / "worker") as worker,
    ):
        wait_for(lambda: open_count(engine) == 0, "all messages are out", seconds=60)
        refused = answers(address, phone, staff)
        told = [ask(pages, path) for path in ("/metrics", "/healthz", "/readyz")]
        told += [ask(address, path) for path in ("/health", "/health/worker")]
        processes = (web, worker)
        for each in processes:
            each.look()

    assert set(session.scalars(select(Delivery.state))) == {DeliveryState.sent}
    assert outside.mail.recipients == [EMAIL]
    assert [form["To"] for form in outside.sms.forms] == [PHONE]
    given = outside.given()
    sent = {"mail": 2, "sms": 1, "webhook": 1, "push": 2, "apns": 1, "push service": 1, "browser": 1}
    assert {way: len(each) for way, each in given.items()} == sent
    assert [way for way, each in given.items() if is_marked(each)] == []
    assert [status for status, _ in refused if status >= 500] == []
    assert [answer for _, answer in (*refused, *told) if is_marked(answer)] == []
    assert "recovery" in told[0][1]
    assert len(worker.family) >= 4  # the parent, its senders and its pages
    assert len(web.family) >= 2
    for each in processes:
        assert each.written.read_bytes()
        assert not is_marked(each.written.read_text())
        assert not [each for each in each.family.values() if is_marked(each)]
        assert not [line for line, _ in each.family.values() if any(secret in line for secret in SECRETS)]
    assert marks_in_files(tmp_path / "temporary") == []
