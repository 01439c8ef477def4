"""E-mail over real SMTP: encryption, sign-in, refusals, and servers that hang, drip or hang up (N01, N02, N04)."""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Fault, Message, Refusal, Result
from schedules.delivery.channels.email import EmailSender, MailServer
from schedules.plan.vocabulary import Language
from tests.clock import MONDAY_AFTERNOON
from tests.worker.certificates import loopback_contexts
from tests.worker.peers import drip, hostile_server, mail_server, reset_after, say_nothing, silent_port

# The server warns of sign-ins in clear, which stay on this machine here.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
MESSAGE = Message(
    key="0123456789abcdef0123456789abcdef",
    address="alex@example.org",
    subject="Un mensaje de su equipo de atención",
    body="Aumente sus caminatas.\n.\nHudson Spine Clinic\n",
    language=Language.es,
    written_at=MONDAY_AFTERNOON,
    notice="Su equipo de atención tiene un mensaje para usted.",
    useful_until=MONDAY_AFTERNOON + timedelta(days=1),
)
DEADLINE = timedelta(seconds=10)
NAME = "<0123456789abcdef0123456789abcdef@clinic.example.org>"
ACCEPTED = Result(AttemptOutcome.accepted, "250", message_id=NAME)


def server_at(port: int, tls: str = "none", *, username: str | None = None, password: str | None = None) -> MailServer:
    return MailServer("127.0.0.1", port, tls, "reminders@clinic.example.org", username, password)


def test_a_message_arrives_whole_with_a_stable_id_and_no_room_for_replies() -> None:
    with mail_server() as peer:
        result = EmailSender(server_at(peer.port)).send(MESSAGE, DEADLINE)

    mail = peer.mails[0]
    assert result == ACCEPTED
    assert peer.recipients == ["alex@example.org"]
    assert mail["Subject"] == "Un mensaje de su equipo de atención"
    assert mail["Message-ID"] == NAME
    assert (mail["From"], mail["To"]) == ("reminders@clinic.example.org", "alex@example.org")
    assert (mail["Date"], mail["Auto-Submitted"]) == ("Mon, 02 Mar 2026 15:00:00 +0000", "auto-generated")
    assert (mail.get_content_type(), mail["Content-Language"]) == ("text/plain", "es")
    assert mail.get_content().replace("\r\n", "\n") == MESSAGE.body


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_goes_out_encrypted_and_signed_in(tmp_path: Path, tls: str) -> None:
    theirs, ours = loopback_contexts(tmp_path)
    with mail_server(tls=tls, context=theirs, password="open sesame") as peer:
        server = server_at(peer.port, tls, username="clinic", password="open sesame")

        result = EmailSender(server, ours).send(MESSAGE, DEADLINE)

    assert result == ACCEPTED
    assert len(peer.mails) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, tls: str) -> None:
    theirs, _ = loopback_contexts(tmp_path)
    with mail_server(tls=tls, context=theirs) as peer:
        result = EmailSender(server_at(peer.port, tls)).send(MESSAGE, DEADLINE)

    assert result == Result(AttemptOutcome.refused, "SSLCertVerificationError", fault=Fault.unreachable)
    assert peer.mails == []


def test_a_server_without_encryption_gets_nothing_in_clear() -> None:
    with mail_server() as peer:
        result = EmailSender(server_at(peer.port, "starttls")).send(MESSAGE, DEADLINE)

    assert result == Result(AttemptOutcome.refused, "SMTPNotSupportedError", fault=Fault.unreachable)
    assert peer.mails == []


def test_a_wrong_password_is_refused_and_may_be_repeated() -> None:
    with mail_server(password="open sesame") as peer:
        server = server_at(peer.port, username="clinic", password="guess")

        result = EmailSender(server).send(MESSAGE, DEADLINE)

    assert result == Result(AttemptOutcome.refused, "535", fault=Fault.credentials)


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("550 no such mailbox", Result(AttemptOutcome.refused, "550", Refusal.address)),
        ("450 mailbox busy", Result(AttemptOutcome.refused, "450")),
    ],
)
def test_the_servers_word_on_an_address_decides_whether_to_repeat(answer: str, result: Result) -> None:
    with mail_server() as peer:
        peer.answer_recipient = lambda _address: answer

        assert EmailSender(server_at(peer.port)).send(MESSAGE, DEADLINE) == result


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("554 not here", Result(AttemptOutcome.refused, "554", Refusal.message)),
        ("451 try later", Result(AttemptOutcome.refused, "451")),
    ],
)
def test_the_servers_word_on_a_message_decides_whether_to_repeat(answer: str, result: Result) -> None:
    with mail_server() as peer:
        peer.answer_data = lambda: answer

        assert EmailSender(server_at(peer.port)).send(MESSAGE, DEADLINE) == result


def test_nobody_listening_is_a_refusal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert EmailSender(server_at(port)).send(MESSAGE, DEADLINE) == Result(
        AttemptOutcome.refused, "ConnectionRefusedError", fault=Fault.unreachable
    )


@pytest.mark.parametrize("behave", [drip, say_nothing])
def test_a_server_that_drips_or_hangs_is_cut_at_the_deadline(
    behave: Callable[[socket.socket, threading.Event], None],
) -> None:
    with hostile_server(behave) as port:
        began = time.monotonic()
        result = EmailSender(server_at(port)).send(MESSAGE, timedelta(seconds=0.4))
        took = time.monotonic() - began

    assert result == Result(AttemptOutcome.refused, "deadline", fault=Fault.unreachable)
    assert 0.3 < took < 2


def test_all_of_a_hosts_silent_addresses_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *host, **options: look_up(*host, **options) * 8)
    with silent_port() as port:
        began = time.monotonic()
        result = EmailSender(server_at(port)).send(MESSAGE, timedelta(seconds=0.4))
        took = time.monotonic() - began

    assert result == Result(AttemptOutcome.refused, "deadline", fault=Fault.unreachable)
    assert took < 1.5


def test_a_name_that_nobody_looks_up_is_waited_for_up_to_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    gone_on = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: gone_on.wait(5) and [])
    began = time.monotonic()
    result = EmailSender(server_at(25)).send(MESSAGE, timedelta(seconds=0.4))
    took = time.monotonic() - began
    gone_on.set()

    assert result.outcome is AttemptOutcome.refused
    assert took < 1.5


# Greeting, EHLO, MAIL, RCPT, DATA, content: the reset comes after so many answers.
@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (0, AttemptOutcome.refused),
        (2, AttemptOutcome.refused),
        (4, AttemptOutcome.unknown),
    ],
)
def test_a_reset_is_a_refusal_before_the_content_and_unknown_after_it(answers: int, outcome: AttemptOutcome) -> None:
    with hostile_server(reset_after(answers)) as port:
        result = EmailSender(server_at(port)).send(MESSAGE, DEADLINE)

    assert result.outcome is outcome
    assert result.for_good is None


@pytest.mark.parametrize(
    "address",
    [
        "alex@example.org\r\nBcc: all@example.org",
        "alex@example.org\nRCPT TO:<all@example.org>",
        "alex@example.org, all@example.org",
        "not an address",
        "",
        "@",
        "<>",
    ],
)
def test_an_address_that_is_none_reaches_no_server(address: str) -> None:
    with mail_server() as peer:
        result = EmailSender(server_at(peer.port)).send(replace(MESSAGE, address=address), DEADLINE)

    assert result == Result(AttemptOutcome.refused, "bad_address", Refusal.address)
    assert peer.mails == []


def test_an_address_beyond_ascii_arrives_where_the_server_takes_it() -> None:
    with mail_server() as peer:
        result = EmailSender(server_at(peer.port)).send(replace(MESSAGE, address="álex@example.org"), DEADLINE)

    assert result == ACCEPTED
    assert peer.recipients == ["álex@example.org"]


def test_the_password_shows_in_no_text_of_the_server() -> None:
    assert "sesame" not in repr(server_at(25, username="clinic", password="open sesame"))
