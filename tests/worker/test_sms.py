"""SMS through a real HTTP service: what it took, what it refused, and what nobody knows."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Fault, Message, Refusal, Result
from schedules.delivery.channels.http import MAX_ANSWER_BYTES, HttpLine
from schedules.delivery.channels.sms import SmsProvider, SmsSender
from schedules.delivery.deadline import cut_all
from schedules.delivery.deliver import SMS_STATUS, sms_provider
from schedules.plan.vocabulary import Language
from service.identity.roles import WHO_MAY
from tests.clock import MONDAY_AFTERNOON
from tests.database import settings_for
from tests.worker.certificates import loopback_contexts
from tests.worker.peers import hostile_server, say_nothing, silent_port
from tests.worker.sms_peer import ACCOUNT, SENDER, TOKEN, Reply, SmsPeer, refusal, sid_of, sms_service

MESSAGE = Message(
    key="0123456789abcdef0123456789abcdef",
    address="+12125550123",
    subject="A message from your care team",
    body="Build up your walking.\n",
    language=Language.en,
    written_at=MONDAY_AFTERNOON,
    notice="Your care team has a message for you. Ref 01234567",
    useful_until=MONDAY_AFTERNOON + timedelta(minutes=90),
)
DEADLINE = timedelta(seconds=10)
SenderTo = Callable[..., SmsSender]
ACCEPTED, REFUSED, UNKNOWN = AttemptOutcome.accepted, AttemptOutcome.refused, AttemptOutcome.unknown


@pytest.fixture
def peer() -> Iterator[SmsPeer]:
    with sms_service() as running:
        yield running


@pytest.fixture
def sender_to() -> Iterator[SenderTo]:
    """Return what makes a sender to a provider; its connections are closed after the test."""
    with contextlib.ExitStack() as lines:

        def make(provider: SmsProvider, context: ssl.SSLContext | None = None) -> SmsSender:
            line = HttpLine(context)
            lines.callback(line.close)
            return SmsSender(provider, line)

        yield make


@pytest.fixture
def sender(peer: SmsPeer, sender_to: SenderTo) -> SmsSender:
    return sender_to(peer.provider)


def test_a_notice_goes_out_with_no_word_of_the_message_and_for_as_long_as_it_is_useful(
    peer: SmsPeer, sender: SmsSender
) -> None:
    assert sender.send(MESSAGE, DEADLINE) == Result(ACCEPTED, "201", message_id=sid_of(1))

    assert peer.forms == [
        {
            "To": "+12125550123",
            "From": SENDER,
            "Body": "Your care team has a message for you. Ref 01234567",
            "ValidityPeriod": "5400",
        }
    ]


@pytest.mark.parametrize(("left", "seconds"), [(timedelta(seconds=0.5), "1"), (timedelta(days=3), "14400")])
def test_the_time_of_use_stays_within_what_the_provider_allows(
    peer: SmsPeer, sender: SmsSender, left: timedelta, seconds: str
) -> None:
    sender.send(replace(MESSAGE, useful_until=MONDAY_AFTERNOON + left), DEADLINE)

    assert peer.forms[0]["ValidityPeriod"] == seconds


def test_a_messaging_service_sends_under_its_own_name(peer: SmsPeer, sender_to: SenderTo) -> None:
    provider = replace(peer.provider, sender="MG0123")

    sender_to(provider).send(MESSAGE, DEADLINE)

    assert peer.forms[0]["MessagingServiceSid"] == "MG0123"
    assert "From" not in peer.forms[0]


def test_each_message_says_where_its_status_is_told(peer: SmsPeer, sender_to: SenderTo) -> None:
    url = "https://recovery.example.org/api/v1/providers/sms/status"

    sender_to(replace(peer.provider, status_url=url)).send(MESSAGE, DEADLINE)

    assert peer.forms[0]["StatusCallback"] == url


@pytest.mark.parametrize(
    ("public_url", "status_url"),
    [
        ("https://recovery.example.org", "https://recovery.example.org/api/v1/providers/sms/status"),
        ("http://127.0.0.1:8000", None),
    ],
)
def test_a_status_is_asked_for_where_the_provider_can_reach_us(public_url: str, status_url: str | None) -> None:
    provider = sms_provider(settings_for("sqlite:///unused", sms_account="AC1", public_url=public_url))

    assert provider.status_url == status_url
    assert SMS_STATUS.replace("/api", "POST /api", 1) in WHO_MAY


def test_messages_share_a_connection(peer: SmsPeer, sender: SmsSender) -> None:
    results = {sender.send(MESSAGE, DEADLINE).outcome for _ in range(5)}

    assert (results, len(peer.forms), peer.connections) == ({ACCEPTED}, 5, 1)


def test_an_encrypted_service_is_known_by_its_certificate(tmp_path: Path, sender_to: SenderTo) -> None:
    server, client = loopback_contexts(tmp_path)
    with sms_service(server) as peer:
        trusted = sender_to(peer.provider, client).send(MESSAGE, DEADLINE)
        stranger = sender_to(peer.provider).send(MESSAGE, DEADLINE)

    assert (trusted.outcome, len(peer.forms)) == (ACCEPTED, 1)
    assert stranger == Result(REFUSED, "ConnectError", fault=Fault.unreachable)


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (refusal(400, 21610), Result(REFUSED, "21610", Refusal.opted_out)),
        (refusal(400, 21211), Result(REFUSED, "21211", Refusal.address)),
        (refusal(400, 21614), Result(REFUSED, "21614", Refusal.address)),
        (refusal(400, 21617), Result(REFUSED, "21617", Refusal.message)),
        (refusal(400), Result(REFUSED, "400", Refusal.message)),
        (refusal(401, 20003), Result(REFUSED, "401", fault=Fault.credentials)),
        (refusal(404, 20404), Result(REFUSED, "404")),
        (refusal(500), Result(UNKNOWN, "500")),
        (refusal(503), Result(UNKNOWN, "503")),
        (refusal(429, 20429, Retry_After="120"), Result(REFUSED, "429", retry_after=timedelta(seconds=120))),
        (refusal(429, Retry_After="1000000000000"), Result(REFUSED, "429", retry_after=timedelta(hours=1))),
        (refusal(429, Retry_After="-5"), Result(REFUSED, "429")),
        (refusal(429, Retry_After="soon"), Result(REFUSED, "429")),
        (refusal(429), Result(REFUSED, "429")),
    ],
)
def test_what_the_service_refuses(peer: SmsPeer, sender: SmsSender, reply: Reply, result: Result) -> None:
    peer.answer = lambda _form: reply

    assert sender.send(MESSAGE, DEADLINE) == result
    assert peer.forms == []


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("Mon, 02 Mar 2026 14:32:00 GMT", timedelta(minutes=2)),
        ("Tue, 03 Mar 2026 14:30:00 GMT", timedelta(hours=1)),
        ("Mon, 02 Mar 2026 14:30:00 GMT", None),
    ],
)
def test_a_wait_may_be_given_as_a_date_by_the_services_own_clock(
    peer: SmsPeer, sender: SmsSender, asked: str, wait: timedelta | None
) -> None:
    peer.answer = lambda _form: refusal(429, Date="Mon, 02 Mar 2026 14:30:00 GMT", Retry_After=asked)

    assert sender.send(MESSAGE, DEADLINE).retry_after == wait


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"<html>", "201"), (b'{"sid": 5}', "201"), (b'{"sid": "a b"}', "201"), (b"[]", "201"), (b"", "201")],
)
def test_a_yes_without_a_message_id_is_not_believed(peer: SmsPeer, sender: SmsSender, body: bytes, code: str) -> None:
    peer.answer = lambda _form: (201, {}, body)

    assert sender.send(MESSAGE, DEADLINE) == Result(UNKNOWN, code)


def test_an_answer_without_end_is_cut(peer: SmsPeer, sender: SmsSender) -> None:
    peer.answer = lambda _form: (201, {}, b" " * (MAX_ANSWER_BYTES + 1))

    assert sender.send(MESSAGE, DEADLINE) == Result(UNKNOWN, "answer_too_long")


def test_a_redirect_is_not_followed(peer: SmsPeer, sender: SmsSender) -> None:
    with sms_service() as elsewhere:
        peer.answer = lambda _form: (307, {"Location": elsewhere.url}, b"")

        result = sender.send(MESSAGE, DEADLINE)

    assert (result, elsewhere.connections) == (Result(REFUSED, "307"), 0)


def test_a_service_that_drips_is_cut_at_the_deadline(peer: SmsPeer, sender: SmsSender) -> None:
    peer.answer = lambda _form: (201, {"X_Drip": "yes"}, orjson.dumps({"sid": "SM1", "padding": "x" * 200}))

    began = time.monotonic()
    result = sender.send(MESSAGE, timedelta(seconds=0.4))

    assert result == Result(UNKNOWN, "deadline")
    assert time.monotonic() - began < 3


def test_a_service_that_never_answers_leaves_the_outcome_unknown(sender_to: SenderTo) -> None:
    with hostile_server(say_nothing) as port:
        assert sender_to(at(port)).send(MESSAGE, timedelta(seconds=0.3)) == Result(UNKNOWN, "deadline")


def test_before_the_first_byte_nothing_can_have_been_taken(sender_to: SenderTo) -> None:
    with silent_port() as port:
        assert sender_to(at(port)).send(MESSAGE, timedelta(seconds=0.3)) == Result(
            REFUSED, "deadline", fault=Fault.unreachable
        )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    assert sender_to(at(closed)).send(MESSAGE, DEADLINE) == Result(REFUSED, "ConnectError", fault=Fault.unreachable)


def test_a_connection_that_breaks_after_the_request_leaves_the_outcome_unknown(sender_to: SenderTo) -> None:
    def read_and_reset(connection: socket.socket, _over: threading.Event) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.recv(65_536)

    with hostile_server(read_and_reset) as port:
        assert sender_to(at(port)).send(MESSAGE, DEADLINE).outcome is UNKNOWN


def test_what_may_have_been_taken_is_looked_for_before_it_is_sent_again(peer: SmsPeer, sender: SmsSender) -> None:
    sender.send(MESSAGE, DEADLINE)

    again = sender.send(replace(MESSAGE, open_tries=1), DEADLINE)

    assert again == Result(ACCEPTED, "found", message_id=sid_of(1))
    assert len(peer.forms) == 1
    assert peer.asked == [{"To": "+12125550123", "PageSize": "100"}]


def test_what_the_service_does_not_have_is_sent_again(peer: SmsPeer, sender: SmsSender) -> None:
    sender.send(replace(MESSAGE, notice="Another. Ref 89abcdef"), DEADLINE)

    again = sender.send(replace(MESSAGE, open_tries=1), DEADLINE)

    assert (again, len(peer.forms)) == (Result(ACCEPTED, "201", message_id=sid_of(2)), 2)


@pytest.mark.parametrize("status", ["failed", "undelivered", "canceled"])
def test_what_the_service_had_and_could_not_deliver_is_sent_again(
    peer: SmsPeer, sender: SmsSender, status: str
) -> None:
    listed = orjson.dumps({"messages": [{"body": MESSAGE.notice, "status": status}]})
    peer.answer_list = lambda: (200, {}, listed)

    assert sender.send(replace(MESSAGE, open_tries=3), DEADLINE) == Result(ACCEPTED, "201", message_id=sid_of(1))


@pytest.mark.parametrize(
    ("open_tries", "result"),
    [(1, Result(ACCEPTED, "201", message_id=sid_of(1))), (2, Result(REFUSED, "not_reconciled"))],
)
def test_if_the_service_cannot_say_the_message_is_repeated_once(
    peer: SmsPeer, sender: SmsSender, open_tries: int, result: Result
) -> None:
    peer.answer_list = lambda: refusal(503)

    assert sender.send(replace(MESSAGE, open_tries=open_tries), DEADLINE) == result
    assert len(peer.forms) == (result.outcome is ACCEPTED)


def test_no_secret_stands_in_a_repr() -> None:
    assert TOKEN not in repr(SmsProvider("https://sms.example.org", ACCOUNT, TOKEN, SENDER))


def at(port: int) -> SmsProvider:
    return SmsProvider(f"http://127.0.0.1:{port}", ACCOUNT, TOKEN, SENDER)


def test_a_stopping_worker_ends_a_send_and_the_exchange_does_not_go_on(sender_to: SenderTo) -> None:
    received: list[bytes] = []

    def stop_us(connection: socket.socket, over: threading.Event) -> None:
        received.append(connection.recv(65_536))
        cut_all()
        over.wait()

    with hostile_server(stop_us) as port:
        sender = sender_to(at(port))
        began = time.monotonic()
        cut = sender.send(MESSAGE, DEADLINE)
        took = time.monotonic() - began
    with sms_service() as peer, contextlib.closing(HttpLine()) as line:
        after = SmsSender(peer.provider, line).send(MESSAGE, DEADLINE)

    assert (cut, len(received)) == (Result(UNKNOWN, "cut_short"), 1)
    assert took < 5
    assert after.outcome is ACCEPTED
