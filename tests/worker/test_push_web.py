"""Push to a browser that opens what a real push service was handed, and to hosts that nobody admitted."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from models.push_forms import Subscription, application_key
from models.reminder import AttemptOutcome
from schedules.delivery.channels import Message, Refusal, Result
from schedules.delivery.channels.http import MAX_ANSWER_BYTES, HttpLine
from schedules.delivery.channels.push import NOT_KNOWN
from schedules.delivery.channels.web_push import WebPushSender, seal_for
from tests.clock import MONDAY_AFTERNOON
from tests.worker.certificates import loopback_contexts
from tests.worker.push_peers import CONTACT, BrowserPeer, Reply, reply, running, signer_for
from tests.worker.push_samples import DEADLINE, KEY, NOTICE, SUBJECT, message_to

ACCEPTED, REFUSED, UNKNOWN = AttemptOutcome.accepted, AttemptOutcome.refused, AttemptOutcome.unknown


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BrowserPeer, HttpLine]]:
    server, client = loopback_contexts(Path(tmp_path_factory.mktemp("certificate")))
    peer, line = BrowserPeer(), HttpLine(client)
    with running(peer, server):
        yield peer, line
        line.close()


@pytest.fixture
def peer(service: tuple[BrowserPeer, HttpLine]) -> BrowserPeer:
    """Return the push service with no memory of other tests."""
    peer, _ = service
    for memory in (peer.seen, peer.claims, peer.messages):
        memory.clear()
    peer.answer = lambda _seen: None
    return peer


@pytest.fixture
def sender(service: tuple[BrowserPeer, HttpLine]) -> WebPushSender:
    return WebPushSender(signer_for("127.0.0.1"), service[1])


@pytest.fixture
def message(peer: BrowserPeer) -> Message:
    return message_to(peer.subscription.text)


def test_a_push_opens_in_the_browser_alone_and_says_only_that_something_waits(
    peer: BrowserPeer, sender: WebPushSender, message: Message
) -> None:
    assert sender.send(message, DEADLINE) == Result(ACCEPTED, "201", message_id="m-1")

    (seen,) = peer.seen
    assert peer.messages == [{"title": SUBJECT, "body": NOTICE, "message_key": KEY}]
    assert KEY.encode() not in seen.body
    assert (seen.headers["ttl"], seen.headers["topic"], seen.headers["urgency"]) == ("5400", KEY, "high")
    assert seen.headers["authorization"].endswith(f"k={application_key(7)}")
    ends_at = int((MONDAY_AFTERNOON + timedelta(hours=12)).timestamp())
    assert peer.claims == [{"aud": peer.url, "exp": ends_at, "sub": CONTACT}]


def test_a_repeat_bears_the_topic_of_the_first_and_is_sealed_anew(
    peer: BrowserPeer, sender: WebPushSender, message: Message
) -> None:
    for tries in (0, 1):
        sender.send(replace(message, open_tries=tries), DEADLINE)

    first, second = peer.seen
    assert first.headers["topic"] == second.headers["topic"]
    assert first.body[:86] != second.body[:86]
    assert peer.messages[0] == peer.messages[1]


@pytest.mark.parametrize(
    ("left", "ttl"),
    [(timedelta(seconds=1), "1"), (timedelta(days=2), "172800"), (timedelta(days=90), "2419200")],
)
def test_it_waits_for_a_browser_that_is_off_as_long_as_it_is_of_use(
    peer: BrowserPeer, sender: WebPushSender, left: timedelta, ttl: str
) -> None:
    sender.send(message_to(peer.subscription.text, left), DEADLINE)

    assert peer.seen[0].headers["ttl"] == ttl


def test_what_is_of_use_for_less_than_a_second_is_not_sent(peer: BrowserPeer, sender: WebPushSender) -> None:
    late = message_to(peer.subscription.text, timedelta(seconds=0.9))

    assert (sender.send(late, DEADLINE), peer.seen) == (Result(REFUSED, "too_late"), [])


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (reply(404), Result(REFUSED, "404", Refusal.address)),
        (reply(410), Result(REFUSED, "410", Refusal.address)),
        (reply(400), Result(REFUSED, "400", Refusal.message)),
        (reply(413), Result(REFUSED, "413", Refusal.message)),
        (reply(401), NOT_KNOWN),
        (reply(403), NOT_KNOWN),
        (reply(429, Retry_After="45"), Result(REFUSED, "429", retry_after=timedelta(seconds=45))),
        (reply(429), Result(REFUSED, "429")),
        (reply(503, Retry_After="999999999999"), Result(REFUSED, "503", retry_after=timedelta(hours=1))),
        (reply(502), Result(UNKNOWN, "502")),
        (reply(301, Location="https://127.0.0.1:1/"), Result(REFUSED, "301")),
        (reply(200), Result(UNKNOWN, "200")),
        ((201, {}, b""), Result(ACCEPTED, "201")),
        ((201, {"Location": "https://push.example.org/m/" + "x" * 200}, b""), Result(ACCEPTED, "201")),
        ((201, {}, b" " * (MAX_ANSWER_BYTES + 1)), Result(UNKNOWN, "answer_too_long")),
    ],
)
def test_what_each_answer_means(
    peer: BrowserPeer, sender: WebPushSender, message: Message, answer: Reply, result: Result
) -> None:
    peer.answer = lambda _seen: answer

    assert sender.send(message, DEADLINE) == result


def test_a_host_that_the_settings_no_longer_admit_is_not_asked(
    service: tuple[BrowserPeer, HttpLine], peer: BrowserPeer, message: Message
) -> None:
    before = peer.connections

    result = WebPushSender(signer_for("fcm.googleapis.com"), service[1]).send(message, DEADLINE)

    assert (result, peer.connections) == (Result(REFUSED, "host_not_admitted", Refusal.message), before)


@pytest.mark.parametrize("address", ["", "[]", "{}", '{"endpoint":"http://127.0.0.1/","p256dh":"","auth":""}'])
def test_what_is_no_subscription_is_refused(sender: WebPushSender, address: str) -> None:
    assert sender.send(message_to(address), DEADLINE) == Result(REFUSED, "bad_address", Refusal.address)


def test_the_example_of_the_standard_is_sealed_to_the_letter() -> None:
    """RFC 8291, appendix A."""
    public = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    browser = Subscription("https://push.example.net/p", decoded(public), decoded("BTBZMqHH6r4Tts7J_aSIgg"))
    private = int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
    once = ec.derive_private_key(private, ec.SECP256R1())

    sealed = seal_for(browser, b"When I grow up, I want to be a watermelon", once, decoded("DGv6ra1nlYgDCS1FRnbzlw"))

    assert base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def decoded(text: str) -> bytes:
    return jwt.utils.base64url_decode(text)


def test_no_key_stands_in_a_repr(peer: BrowserPeer) -> None:
    assert "7" not in repr(signer_for("example.org"))
    assert "device-1" not in repr(peer.subscription)
