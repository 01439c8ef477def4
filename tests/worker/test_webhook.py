"""Messages to a clinic's own system over real HTTP: what is told and signed, where it may go, what an answer means."""

import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
import trustme
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.practice import Practice
from models.private import lookup_hash
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState
from schedules.addresses import Resolve, is_public, look_up
from schedules.delivery.channels import ChannelSender, Fault, Message, Refusal, Result
from schedules.delivery.channels.http import MAX_ANSWER_BYTES, HttpLine
from schedules.delivery.channels.log import LogSender
from schedules.delivery.channels.webhook import WebhookSender
from schedules.delivery.deadline import cut_all
from schedules.delivery.deliver import make_senders
from schedules.delivery.flow import Breaker
from schedules.plan.vocabulary import Channel, Language, Provider
from schedules.signatures import is_signed
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import settings_for
from tests.worker.desks import claim_all, deliver, desk_of
from tests.worker.peers import hostile_server, say_nothing
from tests.worker.rows import story
from tests.worker.webhook_peer import SECRET, Reply, WebhookPeer, webhook_service

KEY = "0123456789abcdef0123456789abcdef"
DEADLINE = timedelta(seconds=10)
ACCEPTED, REFUSED, UNKNOWN = AttemptOutcome.accepted, AttemptOutcome.refused, AttemptOutcome.unknown
NAME = "clinic.example.org"
SenderTo = Callable[..., WebhookSender]


def message_to(url: str, **changes: Any) -> Message:
    message = Message(
        key=KEY,
        address=url,
        subject="A message from your care team",
        body="Build up your walking.\n",
        language=Language.en,
        written_at=MONDAY_AFTERNOON,
        notice="Your care team has a message for you. Ref 01234567",
        useful_until=MONDAY_AFTERNOON + timedelta(minutes=90),
        patient_id="patient-1",
        episode_id="episode-1",
        webhook_secret=SECRET,
    )
    return replace(message, **changes)


@pytest.fixture
def peer() -> Iterator[WebhookPeer]:
    with webhook_service() as running:
        yield running


@pytest.fixture
def sender_to() -> Iterator[SenderTo]:
    """Return what makes a sender that trusts the hosts given; its connections are closed after the test."""
    with contextlib.ExitStack() as lines:

        def make(*trusted: str, context: ssl.SSLContext | None = None, resolve: Resolve = look_up) -> WebhookSender:
            line = HttpLine(context)
            lines.callback(line.close)
            return WebhookSender(trusted, line, resolve)

        yield make


def test_a_message_is_told_with_ids_alone_and_signed(peer: WebhookPeer, sender_to: SenderTo) -> None:
    result = sender_to(peer.host).send(message_to(peer.url), DEADLINE)

    ((headers, body),) = peer.requests
    assert result == Result(ACCEPTED, "204", message_id=KEY)
    assert orjson.loads(body) == {
        "type": "reminder",
        "timestamp": "2026-03-02T15:00:00Z",
        "data": {
            "key": KEY,
            "patient_id": "patient-1",
            "episode_id": "episode-1",
            "language": "en",
            "subject": "A message from your care team",
            "text": "Build up your walking.\n",
            "useful_until": "2026-03-02T16:30:00Z",
        },
    }
    assert (headers["webhook-id"], headers["host"], headers["connection"]) == (KEY, peer.host, "close")
    assert is_signed(SECRET, headers, body, now=MONDAY_AFTERNOON)
    assert not is_signed(SECRET, headers, body + b" ", now=MONDAY_AFTERNOON)


def test_the_signature_is_that_of_the_scheme(peer: WebhookPeer, sender_to: SenderTo) -> None:
    # The example of the Standard Webhooks specification.
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    then = MONDAY_AFTERNOON.replace(year=2021, month=2, day=25, hour=15, minute=2, second=10)

    assert is_signed(SECRET, headers, b'{"test": 2432232314}', now=then)


def test_a_repeat_bears_the_same_id(peer: WebhookPeer, sender_to: SenderTo) -> None:
    sender = sender_to(peer.host)
    for minutes in (0, 5):
        sender.send(message_to(peer.url, written_at=MONDAY_AFTERNOON + timedelta(minutes=minutes)), DEADLINE)

    assert [headers["webhook-id"] for headers, _ in peer.requests] == [KEY, KEY]


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ((200, {}, b"<html>"), Result(ACCEPTED, "200", message_id=KEY)),
        ((410, {}, b""), Result(REFUSED, "410", Refusal.address)),
        ((429, {"Retry-After": "120"}, b""), Result(REFUSED, "429", retry_after=timedelta(minutes=2))),
        ((429, {"Retry-After": "1000000000"}, b""), Result(REFUSED, "429", retry_after=timedelta(hours=1))),
        ((429, {"Retry-After": "-5"}, b""), Result(REFUSED, "429")),
        ((400, {}, b""), Result(REFUSED, "400", Refusal.message)),
        ((401, {}, b""), Result(REFUSED, "401", Refusal.message)),
        ((404, {}, b""), Result(REFUSED, "404", Refusal.message)),
        ((500, {}, b""), Result(UNKNOWN, "500")),
        ((503, {}, b""), Result(UNKNOWN, "503")),
        ((200, {}, b" " * (MAX_ANSWER_BYTES + 1)), Result(UNKNOWN, "answer_too_long")),
    ],
)
def test_what_an_answer_means(peer: WebhookPeer, sender_to: SenderTo, reply: Reply, result: Result) -> None:
    peer.answer = lambda: reply

    assert sender_to(peer.host).send(message_to(peer.url), DEADLINE) == result


def test_a_redirect_is_not_followed(peer: WebhookPeer, sender_to: SenderTo) -> None:
    with webhook_service() as elsewhere:
        peer.answer = lambda: (307, {"Location": elsewhere.url}, b"")

        result = sender_to(peer.host, elsewhere.host).send(message_to(peer.url), DEADLINE)

    assert (result, elsewhere.requests) == (Result(REFUSED, "307", Refusal.message), [])


def test_a_system_that_never_answers_leaves_the_outcome_unknown(sender_to: SenderTo) -> None:
    with hostile_server(say_nothing) as port:
        message = message_to(f"http://127.0.0.1:{port}/")

        assert sender_to("127.0.0.1").send(message, timedelta(seconds=0.6)) == Result(UNKNOWN, "deadline")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1/", "address_private"),
        ("https://169.254.169.254/latest/meta-data", "address_private"),
        ("https://[::1]/", "address_private"),
        ("https://[::ffff:10.0.0.1]/", "address_private"),
        ("https://2130706433/", "address_private"),
        ("https://0x7f.1/", "address_private"),
        ("https://0177.0.0.1/", "address_private"),
        ("https://10.1.2.3/", "address_private"),
        ("https://localhost/", "address_private"),
        ("https://8.8.8.8:8443/", "odd_port"),
        ("http://8.8.8.8/", "not_encrypted"),
        ("http://127.0.0.1/", "not_encrypted"),
        ("file:///etc/passwd", "url_unreadable"),
        ("https://user:word@8.8.8.8/", "url_unreadable"),
        ("https://8.8.8.8@127.0.0.1/", "url_unreadable"),
        ("https://8.8.8.8/#top", "url_unreadable"),
        ("https://8.8.8.8:port/", "url_unreadable"),
        ("https://[::1/", "url_unreadable"),
        ("https://8.8.8.8\\@127.0.0.1/", "url_unreadable"),
        ("https://%31%32%37.0.0.1/", "url_unreadable"),
        ("https:///path", "url_unreadable"),
        ("", "url_unreadable"),
    ],
)
def test_nothing_goes_into_the_network_that_the_service_runs_in(sender_to: SenderTo, url: str, code: str) -> None:
    assert sender_to().send(message_to(url), DEADLINE) == Result(REFUSED, code, Refusal.message)


@pytest.mark.parametrize(
    "address",
    [
        "100.64.0.1",
        "192.168.1.1",
        "fe80::1",
        "fc00::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "224.0.0.1",
        "0.0.0.0",
        "?",
    ],
)
def test_an_address_counts_as_public_only_if_all_that_it_wraps_is(address: str) -> None:
    assert not is_public(address)
    assert is_public("8.8.8.8")
    assert is_public("2606:4700::1111")


def test_a_name_that_leads_inside_meanwhile_is_refused_at_the_send(sender_to: SenderTo) -> None:
    answers = iter([["93.184.215.14", "10.0.0.1"], []])
    sender = sender_to(resolve=lambda _host, _port: next(answers))
    message = message_to(f"https://{NAME}/")

    assert sender.send(message, DEADLINE) == Result(REFUSED, "address_private", Refusal.message)
    assert sender.send(message, DEADLINE) == Result(REFUSED, "name_unknown")


def test_the_request_goes_to_the_address_that_was_judged_and_trusts_the_name(sender_to: SenderTo) -> None:
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert(NAME).configure_cert(server)
    authority.configure_trust(client)
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["::1", "127.0.0.1"]

    with webhook_service(server) as peer:
        sender = sender_to(NAME, "other.example.org", context=client, resolve=resolve)
        result = sender.send(message_to(f"https://{NAME}:{peer.port}/in"), DEADLINE)
        stranger = sender.send(message_to(f"https://other.example.org:{peer.port}/in"), DEADLINE)

    assert result == Result(ACCEPTED, "204", message_id=KEY)
    assert stranger == Result(REFUSED, "ConnectError", fault=Fault.unreachable)
    assert asked == [NAME, "other.example.org"]
    assert [headers["host"] for headers, _ in peer.requests] == [f"{NAME}:{peer.port}"]


def test_a_slow_look_up_ends_at_its_deadline_or_when_it_is_cut(sender_to: SenderTo) -> None:
    done = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        done.wait(20)
        return []

    sender = sender_to(resolve=resolve)
    late = sender.send(message_to(f"https://{NAME}/"), timedelta(seconds=0.2))
    threading.Timer(0.2, cut_all).start()
    cut = sender.send(message_to(f"https://{NAME}/"), timedelta(seconds=30))
    done.set()

    assert late == Result(REFUSED, "name_unknown")
    assert cut == Result(REFUSED, "cut_short")


def test_without_a_secret_nothing_is_sent(peer: WebhookPeer, sender_to: SenderTo) -> None:
    result = sender_to(peer.host).send(message_to(peer.url, webhook_secret=None), DEADLINE)

    assert (result, peer.requests) == (Result(REFUSED, "no_secret", Refusal.message), [])


def test_no_secret_shows() -> None:
    assert "whsec" not in repr(message_to("https://clinic.example.org/"))


def test_a_reminder_reaches_the_clinics_system_and_falls_back_from_it(
    engine: Engine, session: Session, clock: FixedClock, peer: WebhookPeer, sender_to: SenderTo
) -> None:
    practice = builders.practice(session, webhook_url=peer.url, webhook_secret=SECRET)
    first = builders.due_delivery(session, practice, channels=["webhook", "email"])
    session.commit()
    senders: dict[Provider, ChannelSender] = {
        Provider.webhook: sender_to(peer.host),
        Provider.smtp: LogSender(Provider.smtp),
    }
    desk = desk_of(engine, clock, senders)
    replies: Iterator[Reply] = iter([(503, {}, b""), (404, {}, b"")])
    peer.answer = lambda: next(replies)

    for _ in range(3):
        (claim,) = claim_all(session, clock)
        deliver(desk, claim)
        clock.advance(timedelta(seconds=31))

    told = [orjson.loads(body)["data"] for _, body in peer.requests]
    assert [each["patient_id"] for each in told] == [first.patient_id] * 2
    assert {headers["webhook-id"] for headers, _ in peer.requests} == {told[0]["key"]}
    assert "walk" in told[0]["text"]
    query = select(Delivery).order_by(Delivery.step).execution_options(populate_existing=True)
    steps = [(each.channel, each.state) for each in session.scalars(query)]
    assert steps == [(Channel.webhook, DeliveryState.failed), (Channel.email, DeliveryState.sent)]
    assert ("failed", "message_refused") in story(session, first)
    assert bytes(first.target or b"") == lookup_hash(peer.url, practice.id)


def test_where_the_clinic_has_no_system_the_channel_is_passed_over(
    engine: Engine, session: Session, clock: FixedClock
) -> None:
    first = builders.due_delivery(session, builders.practice(session), channels=["webhook"])
    session.commit()
    (claim,) = claim_all(session, clock)

    deliver(desk_of(engine, clock, {Provider.webhook: LogSender(Provider.webhook)}), claim)

    assert story(session, first) == [("passed_over", "no_address"), ("suppressed", "no_channel")]


def test_the_secret_is_sealed(session: Session) -> None:
    practice = builders.practice(session, webhook_url="https://clinic.example.org/", webhook_secret=SECRET)
    session.commit()

    stored = session.scalars(select(Practice.webhook_secret_sealed)).one()
    assert b"whsec" not in bytes(stored or b"")
    assert practice.webhook_secret == SECRET


def test_for_trying_out_the_log_stands_in_for_every_provider(caplog: pytest.LogCaptureFixture) -> None:
    account = {"sms_account": "AC1", "sms_token": "t", "sms_sender": "MG1"}
    senders = make_senders(settings_for("sqlite:///unused", send_to_log=True, **account))
    usual = make_senders(settings_for("sqlite:///unused", **account))

    with caplog.at_level(logging.INFO, logger="schedules"):
        results = {provider: sender.send(message_to("+12125550123"), DEADLINE) for provider, sender in senders.items()}

    assert senders.keys() == usual.keys() == {Provider.smtp, Provider.sms, Provider.webhook}
    assert set(results.values()) == {Result(ACCEPTED, "logged", message_id=KEY)}
    assert sorted(caplog.messages) == [
        f"logged instead of sent to {each}: {KEY}" for each in ("sms", "smtp", "webhook")
    ]


def test_a_message_that_was_logged_counts_as_sent(engine: Engine, session: Session, clock: FixedClock) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    session.commit()
    (claim,) = claim_all(session, clock)

    deliver(desk_of(engine, clock, {Provider.smtp: LogSender(Provider.smtp)}), claim)

    session.expire_all()
    assert session.scalars(select(DeliveryAttempt.provider_code)).one() == "logged"
    assert delivery.state is DeliveryState.sent


def test_the_trouble_of_one_clinics_system_holds_up_no_others() -> None:
    breaker = Breaker()
    troubles = (Result(UNKNOWN, "503"), Result(REFUSED, "ConnectError", fault=Fault.unreachable))

    pauses = [breaker.note(Provider.webhook, each, MONDAY_AFTERNOON) for each in troubles * 5]

    assert pauses == [None] * 10
